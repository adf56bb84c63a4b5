// Package strictjson decodes JSON from outside more strictly than encoding/json: one value of limited size and depth,
// with no unknown fields and no repeated names. A name that differs only in case counts as repeated, because
// encoding/json would take it for the same field and silently use the last.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// maxDepth is the deepest nesting of arrays and objects that is read. We chose it: several times what this program
// writes.
const maxDepth = 32

// Decode reads b into v. It returns an error unless b is one value, no longer than limit bytes. After an error v may
// contain part of it.
func Decode(b []byte, limit int, v any) error {
	if err := Check(b, limit); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// Check returns an error unless b is one value, no longer than limit bytes, whatever its fields.
func Check(b []byte, limit int) error {
	if len(b) > limit {
		return fmt.Errorf("%d bytes, want at most %d", len(b), limit)
	}
	if !json.Valid(b) {
		if err := json.Unmarshal(b, new(json.RawMessage)); err != nil {
			return err // has the place
		}
		return errors.New("not JSON")
	}
	return names(b)
}

// names checks valid JSON for repeated names and for depth.
func names(b []byte) error {
	var open [maxDepth]byte            // by depth: { or [
	var seen [maxDepth]map[string]bool // names of the open objects
	depth, name := 0, false            // name: the next string is a name
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			if depth == maxDepth {
				return fmt.Errorf("nested more than %d deep", maxDepth)
			}
			if name = b[i] == '{'; name && seen[depth] == nil {
				seen[depth] = map[string]bool{}
			}
			clear(seen[depth])
			open[depth] = b[i]
			depth++
		case '}', ']':
			depth--
			name = false
		case ',':
			name = open[depth-1] == '{'
		case '"':
			end := i + 1
			for b[end] != '"' {
				if b[end] == '\\' {
					end++
				}
				end++
			}
			if name {
				key := folded(b[i : end+1])
				if seen[depth-1][key] {
					return fmt.Errorf("%.60q occurs twice", b[i+1:end])
				}
				seen[depth-1][key] = true
			}
			name, i = false, end
		}
	}
	return nil
}

// folded returns the text of a JSON string so that two are equal if encoding/json takes them for the same field.
func folded(quoted []byte) string {
	text := string(quoted[1 : len(quoted)-1])
	for i := range len(text) {
		if text[i] == '\\' || text[i] >= 0x80 {
			_ = json.Unmarshal(quoted, &text) // it is part of valid JSON
			return strings.Map(fold, text)
		}
	}
	return strings.ToUpper(text) // the smallest in ASCII
}

// fold returns the smallest of the characters that encoding/json treats as r.
func fold(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
