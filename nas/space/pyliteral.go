package space

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A reader of the few Python literals that other projects publish genotypes in: strings, integers, lists and tuples,
// dicts with string keys, and calls with keyword or positional arguments (Genotype(normal=…), range(2, 6)).

// pyCall is name(args, key=value). A dict is a call without a name.
type pyCall struct {
	name string
	args []any
	keys []string // in order
	kw   map[string]any
}

type pyReader struct {
	s     string
	depth int
}

const pyDepth = 8

// parsePython reads one value, of type string, int, []any or *pyCall, and refuses anything after it.
func parsePython(s string) (any, error) {
	p := &pyReader{s: s}
	v, err := p.value()
	if err != nil {
		return nil, err
	}
	if p.space(); p.s != "" {
		return nil, fmt.Errorf("found %q after the end", clip(p.s))
	}
	return v, nil
}

// space skips blanks and comments.
func (p *pyReader) space() {
	for {
		p.s = strings.TrimLeft(p.s, " \t\r\n")
		if !strings.HasPrefix(p.s, "#") {
			return
		}
		_, p.s, _ = strings.Cut(p.s, "\n")
	}
}

// take skips blanks and then t, if it comes next.
func (p *pyReader) take(t string) bool {
	p.space()
	rest, ok := strings.CutPrefix(p.s, t)
	if ok {
		p.s = rest
	}
	return ok
}

func (p *pyReader) value() (any, error) {
	if p.depth++; p.depth > pyDepth {
		return nil, fmt.Errorf("brackets are nested more than %d deep", pyDepth)
	}
	defer func() { p.depth-- }()
	p.space()
	if p.s == "" {
		return nil, errors.New("the text ends too early")
	}
	switch c := p.s[0]; {
	case c == '\'' || c == '"':
		text, rest, ok := strings.Cut(p.s[1:], string(c))
		if !ok {
			return nil, fmt.Errorf("the string %s is not closed", clip(p.s))
		}
		p.s = rest
		return text, nil
	case c == '[' || c == '(':
		return p.list()
	case c == '{':
		return p.call("", "{", "}", ":")
	case c == '-' || isDigit(c):
		n := 1
		for n < len(p.s) && isDigit(p.s[n]) {
			n++
		}
		v, err := strconv.Atoi(p.s[:n])
		if err != nil {
			return nil, fmt.Errorf("%s is not an integer", clip(p.s[:n]))
		}
		p.s = p.s[n:]
		return v, nil
	}
	name := p.word()
	if name == "" {
		return nil, fmt.Errorf("found %q, want a value", clip(p.s))
	}
	p.space()
	if !strings.HasPrefix(p.s, "(") {
		return nil, fmt.Errorf("found %q, want a value", clip(name))
	}
	return p.call(name, "(", ")", "=")
}

func (p *pyReader) list() (any, error) {
	open, end := p.s[:1], "]"
	if open == "(" {
		end = ")"
	}
	p.s = p.s[1:]
	vs := []any{}
	for !p.take(end) {
		if len(vs) > 0 && !p.take(",") {
			return nil, fmt.Errorf("found %q, want , or %s", clip(p.s), end)
		}
		if p.take(end) { // a trailing comma
			break
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		vs = append(vs, v)
	}
	return vs, nil
}

// call reads the arguments of name: key sign value or, in a call, just value.
func (p *pyReader) call(name, open, end, sign string) (*pyCall, error) {
	c := &pyCall{name: name, kw: map[string]any{}}
	p.take(open)
	for first := true; !p.take(end); first = false {
		if !first && !p.take(",") {
			return nil, fmt.Errorf("found %q, want , or %s", clip(p.s), end)
		}
		if p.take(end) {
			break
		}
		key, keyed := p.key(sign)
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		switch _, twice := c.kw[key]; {
		case twice:
			return nil, fmt.Errorf("%s is given twice", clip(key))
		case keyed:
			c.kw[key] = v
			c.keys = append(c.keys, key)
		case open == "{":
			return nil, fmt.Errorf("found %q, want a key in quotes and a colon", clip(fmt.Sprint(v)))
		default:
			c.args = append(c.args, v)
		}
	}
	return c, nil
}

// key reads key and sign, or nothing.
func (p *pyReader) key(sign string) (string, bool) {
	p.space()
	before := p.s
	k := p.word()
	if sign == ":" && k == "" && p.s != "" && (p.s[0] == '\'' || p.s[0] == '"') {
		k, p.s, _ = strings.Cut(p.s[1:], p.s[:1])
	}
	if k != "" && p.take(sign) {
		return k, true
	}
	p.s = before
	return "", false
}

// word reads an identifier.
func (p *pyReader) word() string {
	n := 0
	for n < len(p.s) {
		c := p.s[n]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (n == 0 || !isDigit(c)) {
			break
		}
		n++
	}
	w := p.s[:n]
	p.s = p.s[n:]
	return w
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
