package space

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The text form of a genotype is one line:
//
//	name=nasnet-a normal=h.s5+p.s3 p.s5+p.s3 h.a3+p.i p.a3+p.a3 h.s3+h.i [p01234] reduction=…
//
// A block is two terms joined by + (add) or & (concat). A term is a state, a dot and the short name of an op. States
// are h = h[i], p = h[i-1], a digit for the blocks b0 to b9, then b10, b11 and so on, always two digits. The brackets
// contain the states of the output.

// Text returns the cell on one line. It always shows the outputs, even if the rule gave them; [ParseText] reads a list
// that equals the rule's as no list.
func (c Cell) Text() string {
	var t strings.Builder
	for _, k := range c.Blocks {
		t.WriteString(k.Text() + " ")
	}
	return t.String() + listText(c.Outputs())
}

// Text returns the block in the text form: "h.s5+p.s3".
func (k Block) Text() string {
	sign := "+"
	if k.Combine == Concat {
		sign = "&"
	}
	return term(k.In1, k.Op1) + sign + term(k.In2, k.Op2)
}

// listText returns a list of states in the text form: "[p01234]".
func listText(states []int) string {
	t := "["
	for _, s := range states {
		t += stateToken(s)
	}
	return t + "]"
}

// Text returns the genotype on one line, with its name if it has one.
func (g Genotype) Text() string {
	t := "normal=" + g.Normal.Text() + " reduction=" + g.Reduction.Text()
	if g.Name != "" {
		t = "name=" + quoteName(g.Name) + " " + t
	}
	return t
}

func quoteName(s string) string {
	bare := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
	}
	if strings.IndexFunc(s, func(r rune) bool { return !bare(r) }) < 0 {
		return s
	}
	return strconv.Quote(s)
}

func term(in int, op string) string {
	if o, ok := OpByName(op); ok {
		op = o.Short
	}
	return stateToken(in) + "." + op
}

func stateToken(s int) string {
	switch {
	case s == 0:
		return "h"
	case s == 1:
		return "p"
	case s >= 2 && s < 12:
		return strconv.Itoa(s - 2)
	}
	return "b" + strconv.Itoa(s-2)
}

// ParseText reads and validates the text form of a genotype. Ops may be given by short name or by name.
func ParseText(s string) (Genotype, error) {
	g, err := parseText(s)
	if err != nil {
		return Genotype{}, fmt.Errorf("space: genotype text: %w", err)
	}
	if err := g.Validate(); err != nil {
		return Genotype{}, err
	}
	return g, nil
}

func parseText(s string) (g Genotype, err error) {
	if len(s) > maxBytes {
		return g, fmt.Errorf("has %d bytes, want at most %d", len(s), maxBytes)
	}
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, "name="); ok {
		if g.Name, s, err = cutName(rest); err != nil {
			return g, err
		}
	}
	s, ok := strings.CutPrefix(s, "normal=")
	if !ok {
		return g, fmt.Errorf("starts with %q, want normal=… reduction=…", clip(s))
	}
	normal, reduction, ok := strings.Cut(s, "reduction=")
	if !ok {
		return g, errors.New("has no reduction=")
	}
	if g.Normal, err = parseCell(normal); err != nil {
		return g, fmt.Errorf("normal cell: %w", err)
	}
	if g.Reduction, err = parseCell(reduction); err != nil {
		return g, fmt.Errorf("reduction cell: %w", err)
	}
	return g, nil
}

// cutName takes a bare or quoted name off the front.
func cutName(s string) (name, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		name, rest, _ = strings.Cut(s, " ")
		return name, strings.TrimSpace(rest), nil
	}
	q, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", "", errors.New("the quotes of the name are not closed")
	}
	if name, err = strconv.Unquote(q); err != nil {
		return "", "", fmt.Errorf("name %s: %w", clip(q), err)
	}
	return name, strings.TrimSpace(s[len(q):]), nil
}

// parseCell reads blocks and, optionally, a list of outputs.
func parseCell(s string) (Cell, error) {
	var c Cell
	body, list, hasList := strings.Cut(s, "[")
	for i, f := range strings.Fields(body) {
		k, err := parseBlock(f)
		if err != nil {
			return c, fmt.Errorf("block b%d: %w", i, err)
		}
		c.Blocks = append(c.Blocks, k)
	}
	if !hasList {
		return c, nil
	}
	list, after, closed := strings.Cut(list, "]")
	if !closed {
		return c, fmt.Errorf("the list [%s is not closed, want ]", clip(list))
	}
	if strings.TrimSpace(after) != "" {
		return c, fmt.Errorf("found %q after the list", clip(strings.TrimSpace(after)))
	}
	if strings.TrimSpace(list) == "" {
		return c, errors.New("the list [] is empty; omit it to concatenate the states that no block reads")
	}
	for list != "" {
		if list[0] == ' ' || list[0] == ',' {
			list = list[1:]
			continue
		}
		n := 1
		if list[0] == 'b' {
			n = min(3, len(list))
		}
		st, err := parseState(list[:n])
		if err != nil {
			return c, fmt.Errorf("list: %w", err)
		}
		c.Concat = append(c.Concat, st)
		list = list[n:]
	}
	if slices.Equal(c.Concat, c.LooseEnds()) {
		c.Concat = nil
	}
	return c, nil
}

func parseBlock(s string) (k Block, err error) {
	i := strings.IndexAny(s, "+&")
	if i < 0 {
		return k, fmt.Errorf("is %q, want two terms joined by + or &, like h.s5+p.s3", clip(s))
	}
	k.Combine = Add
	if s[i] == '&' {
		k.Combine = Concat
	}
	if k.In1, k.Op1, err = parseTerm(s[:i]); err != nil {
		return k, err
	}
	k.In2, k.Op2, err = parseTerm(s[i+1:])
	return k, err
}

func parseTerm(s string) (in int, op string, err error) {
	st, op, ok := strings.Cut(s, ".")
	if !ok {
		return 0, "", fmt.Errorf("term %q has no dot, want a state, a dot and an op, like h.s5", clip(s))
	}
	if in, err = parseState(st); err != nil {
		return 0, "", err
	}
	for _, o := range Ops {
		if op == o.Short || op == o.Name {
			return in, o.Name, nil
		}
	}
	var shorts []string
	for _, o := range Ops {
		shorts = append(shorts, o.Short)
	}
	return 0, "", fmt.Errorf("op is %q, want one of %s", clip(op), strings.Join(shorts, " "))
}

func parseState(s string) (int, error) {
	switch {
	case s == "h":
		return 0, nil
	case s == "p":
		return 1, nil
	case len(s) == 1 && s[0] >= '0' && s[0] <= '9':
		return int(s[0]-'0') + 2, nil
	}
	if d, ok := strings.CutPrefix(s, "b"); ok && len(d) <= 2 {
		if n, err := strconv.ParseUint(d, 10, 8); err == nil {
			return int(n) + 2, nil
		}
	}
	return 0, fmt.Errorf("state is %q, want h, p, 0 to 9, or b10 and up", clip(s))
}
