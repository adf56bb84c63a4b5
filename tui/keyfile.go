package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/bubbles/key"
)

// Keys is a key table: the default one, or one that a file has changed. The zero Keys is the default.
type Keys struct{ table keyTable }

// KeyRow is a row of a key table.
type KeyRow struct {
	Name    string   `json:"name"` // in the key file
	Group   string   `json:"group"`
	Keys    []string `json:"keys"`
	Does    string   `json:"does"`
	Places  []string `json:"places"` // where it works
	Changed bool     `json:"changed"`
}

func (k Keys) rows() keyTable {
	if k.table == nil {
		return keys
	}
	return k.table
}

// Rows lists the table by groups.
func (k Keys) Rows() (rows []KeyRow) {
	for _, g := range groups {
		for _, b := range k.rows() {
			if b.group == g {
				var names []string
				for _, x := range b.Keys() {
					names = append(names, keyName(x))
				}
				rows = append(rows, KeyRow{b.name, g, names, b.Help().Desc, b.on.places(), b.changed > 0})
			}
		}
	}
	return rows
}

// keyName returns a key's name in the key file: Bubble Tea's name, except "space" for a blank.
func keyName(k string) string {
	if k == " " {
		return "space"
	}
	return k
}

// longKeys are the keys with names of more than one character, besides ctrl with a letter.
var longKeys = strings.Fields("enter esc tab shift+tab space up down left right home end pgup pgdown backspace " +
	"delete insert")

// mustHave are the rows that cannot be without a key, because the user would be stuck.
var mustHave = []string{"back", "quit", "help", "accept", "cancel", "yes"}

// maxKeyErrors is the most wrong lines that one error names.
const maxKeyErrors = 20

// ReadKeys reads a file of lines
//
//	name = "key"
//	name = ["key", "another"]   # [] for none
//
// which is TOML, and returns the default key table with these changes. Names are those of [Keys.Rows]; table headers,
// blank lines and comments are skipped. The error names up to 20 wrong lines. A key that would mean two things in one
// place is an error that names both.
func ReadKeys(path string, text []byte) (Keys, error) {
	table := slices.Clone(keys)
	var errs []error
	wrong := func(line int, format string, args ...any) {
		if len(errs) < maxKeyErrors {
			errs = append(errs, fmt.Errorf("%s:%d: "+format, append([]any{path, line}, args...)...))
		}
	}
	if !utf8.Valid(text) || len(text) > 64<<10 {
		return Keys{}, fmt.Errorf("%s: want at most 64 KiB of UTF-8", path)
	}
	for n, l := range strings.Split(string(text), "\n") {
		line := n + 1
		name, value, ok := strings.Cut(l, "=")
		if name = strings.TrimSpace(name); name == "" && !ok || strings.HasPrefix(name, "#") ||
			!ok && strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
			continue
		}
		if !ok {
			wrong(line, "want name = \"key\", got %.40q", l)
			continue
		}
		i := slices.IndexFunc(table, func(b binding) bool { return b.name == name })
		if i < 0 {
			wrong(line, "unknown action %.40q; nasnet keys lists them", name)
			continue
		}
		got, err := parseKeys(value)
		if err != nil {
			wrong(line, "%s: %w", name, err)
			continue
		}
		switch b := &table[i]; {
		case b.changed > 0:
			wrong(line, "%s is already set in line %d", name, b.changed)
		case len(got) == 0 && slices.Contains(mustHave, name):
			wrong(line, "%s needs a key", name)
		case b.do == actPane1 && len(got) != panes:
			wrong(line, "%s needs %d keys, one per pane", name, panes)
		default:
			if slices.Equal(got, b.Keys()) {
				continue
			}
			b.Binding = key.NewBinding(key.WithKeys(got...), key.WithHelp(writtenKeys(got), b.Help().Desc))
			b.changed = line
		}
	}
	for i, a := range table {
		for _, b := range table[:i] {
			where := (a.on & b.on).places()
			for _, k := range a.Keys() {
				if len(where) == 0 || !slices.Contains(b.Keys(), k) || a.changed+b.changed == 0 {
					continue
				}
				x, y := a, b // x is from the later line
				if x.changed < y.changed {
					x, y = y, x
				}
				other := fmt.Sprintf("line %d", y.changed)
				if y.changed == 0 {
					other = "by default; another line can change it"
				}
				wrong(x.changed, "%q is both %s and %s (%s) in: %s", keyName(k), x.name, y.name, other,
					strings.Join(where, ", "))
			}
		}
	}
	if len(errs) > 0 {
		return Keys{}, errors.Join(errs...)
	}
	return Keys{table}, nil
}

// parseKeys reads a string or a list of strings, and a comment after it.
func parseKeys(s string) ([]string, error) {
	s = strings.TrimSpace(s)
	list := strings.HasPrefix(s, "[")
	s = strings.TrimPrefix(s, "[")
	var out []string
	for {
		s = strings.TrimSpace(s)
		if list && strings.HasPrefix(s, "]") {
			s = s[1:]
			break
		}
		quote := ""
		if s != "" {
			quote = s[:1]
		}
		if quote != `"` && quote != "'" {
			return nil, fmt.Errorf("want a key in quotes, got %.20q", s)
		}
		k, rest, ok := strings.Cut(s[1:], quote)
		if quote == `"` && strings.HasPrefix(s, `"\`) && len(s) > 3 { // the quote or the backslash itself
			k, rest, ok = s[2:3], s[4:], s[3] == '"' && (s[2] == '"' || s[2] == '\\')
		}
		if !ok {
			return nil, fmt.Errorf("a quote is not closed in %.20q", s)
		}
		k, err := checkKey(k)
		if err != nil {
			return nil, err
		}
		if slices.Contains(out, k) {
			return nil, fmt.Errorf("%q occurs twice", keyName(k))
		}
		out, s = append(out, k), strings.TrimSpace(rest)
		if !list {
			break
		}
		if after, comma := strings.CutPrefix(s, ","); comma {
			s = after
		} else if !strings.HasPrefix(s, "]") {
			return nil, fmt.Errorf("want a comma or ], got %.20q", s)
		}
	}
	if s = strings.TrimSpace(s); s != "" && !strings.HasPrefix(s, "#") {
		return nil, fmt.Errorf("want nothing after the keys, got %.20q", s)
	}
	return out, nil
}

// checkKey returns Bubble Tea's name of a key.
func checkKey(k string) (string, error) {
	r := []rune(k)
	switch {
	case k == "space":
		return " ", nil
	case len(r) == 1 && unicode.IsPrint(r[0]), slices.Contains(longKeys, k):
		return k, nil
	case len(k) == 6 && strings.HasPrefix(k, "ctrl+") && k[5] >= 'a' && k[5] <= 'z':
		if c := k[5:]; c == "i" || c == "m" {
			return "", fmt.Errorf("terminals send %s as tab or enter", k)
		}
		return k, nil
	}
	return "", fmt.Errorf("unknown key %.20q; want one character, ctrl+ and a letter, or one of: %s", k,
		strings.Join(longKeys, " "))
}

// writtenKeys writes keys for footer and help.
func writtenKeys(ks []string) string {
	short := strings.NewReplacer("ctrl+", "^", "shift+", "shift-", "pgdown", "pgdn", "up", "↑", "down", "↓", "left",
		"←", "right", "→")
	var out []string
	for _, k := range ks {
		switch k {
		case "pgup", "pgdown", " ":
			out = append(out, map[string]string{"pgup": "pgup", "pgdown": "pgdn", " ": "space"}[k])
		default:
			out = append(out, short.Replace(k))
		}
	}
	return strings.Join(out, " ")
}

// QuoteKey writes a key as [ReadKeys] reads it.
func QuoteKey(k string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(k) + `"`
}
