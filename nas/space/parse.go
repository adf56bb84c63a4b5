package space

import (
	"errors"
	"strings"
)

// Parse reads a genotype in any known form: the name of a known cell, JSON, the one-line text, or the forms of
// [Import].
func Parse(s string) (Genotype, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return Genotype{},
			errors.New("space: found an empty string, want a name, JSON, text, or a Genotype(…) of DARTS")
	case strings.HasPrefix(s, "{") && !strings.Contains(s, "/op_"):
		return ParseJSON([]byte(s))
	case strings.HasPrefix(s, "{"), strings.Contains(s, "Genotype("), isArc(s):
		return ParseDARTS(s)
	case strings.HasPrefix(s, "normal="), strings.HasPrefix(s, "name="):
		return ParseText(s)
	}
	k, err := Lookup(s)
	if err != nil {
		if strings.ContainsAny(s, "+&[") {
			return Genotype{}, errors.New("space: this looks like one cell, want both: normal=… reduction=…")
		}
		return Genotype{}, err
	}
	return k.Genotype, nil
}
