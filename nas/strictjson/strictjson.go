// Package strictjson decodes JSON that comes from outside more strictly than encoding/json alone: in one value of
// bounded size and depth no field is unknown and no name comes twice, also not in another case, which encoding/json
// would take for the same field and silently obey the last.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// maxDepth is the deepest nesting of arrays and objects that is read: ours, several times what this program writes.
const maxDepth = 32

// Decode reads the only value in b, of at most most bytes, into v. On an error v may hold part of it.
func Decode(b []byte, most int, v any) error {
	if err := Check(b, most); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// Check says what is wrong with b as a text of one value of at most most bytes, whatever its fields are.
func Check(b []byte, most int) error {
	if len(b) > most {
		return fmt.Errorf("%d bytes, want at most %d", len(b), most)
	}
	if !json.Valid(b) {
		if err := json.Unmarshal(b, new(json.RawMessage)); err != nil {
			return err // says where
		}
		return errors.New("not JSON")
	}
	return names(b)
}

// names looks for names that come twice, and for depth, in valid JSON.
func names(b []byte) error {
	var open [maxDepth]byte            // by depth, { or [
	var seen [maxDepth]map[string]bool // names of the open objects
	depth, name := 0, false            // name: the next string is one
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

// folded returns the text of a JSON string such that two are equal if encoding/json takes them for the same field.
func folded(quoted []byte) string {
	text := string(quoted[1 : len(quoted)-1])
	for i := range len(text) {
		if text[i] == '\\' || text[i] >= 0x80 {
			_ = json.Unmarshal(quoted, &text) // it is part of valid JSON
			return strings.Map(fold, text)
		}
	}
	return strings.ToUpper(text) // the least in ASCII
}

// fold returns the least of the characters that encoding/json takes for r.
func fold(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
