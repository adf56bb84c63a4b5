package tui

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"nasnet/nas"
	"nasnet/nas/space"
)

// topNumber is a number that a filter of the top cells can compare. Its values are NaN where they are not known.
type topNumber struct {
	name  string
	units map[string]float64
	of    func(nas.TrialView, latencyOf) float64
}

var (
	counts     = map[string]float64{"": 1, "k": 1e3, "m": 1e6, "g": 1e9}
	topNumbers = []topNumber{
		{"reward", map[string]float64{"": 1}, func(v nas.TrialView, _ latencyOf) float64 { return v.Reward }},
		{"accuracy", map[string]float64{"": 1}, func(v nas.TrialView, _ latencyOf) float64 { return valAcc(v) }},
		{"params", counts, func(v nas.TrialView, _ latencyOf) float64 { return float64(v.Params) }},
		{"madds", counts, func(v nas.TrialView, _ latencyOf) float64 { return float64(v.MAdds) }},
		{"latency", map[string]float64{"": 1, "us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1e3},
			func(v nas.TrialView, of latencyOf) float64 {
				if ms := of(v); ms > 0 {
					return ms
				}
				return math.NaN()
			}},
		{"time", map[string]float64{"": 1, "s": 1, "m": 60, "h": 3600},
			func(v nas.TrialView, _ latencyOf) float64 { return v.Seconds }},
	}
	comparison = regexp.MustCompile(`^(-?)([a-z]+)(<=|>=|<|>|=)(.*)$`)
	quantity   = regexp.MustCompile(`^(\d+\.?\d*|\.\d+)([a-zµ]*)$`)
)

// bound is a comparison such as params<50k. A number that is not known passes none.
type bound struct {
	number topNumber
	sign   string
	limit  float64
	not    bool
}

func (b bound) holds(v nas.TrialView, latency latencyOf) bool {
	x, ok := b.number.of(v, latency), false
	switch b.sign {
	case "<":
		ok = x < b.limit
	case "<=":
		ok = x <= b.limit
	case ">":
		ok = x > b.limit
	case ">=":
		ok = x >= b.limit
	}
	return ok != b.not && !math.IsNaN(x)
}

// parseTopFilter splits a filter of the top cells into its words and its comparisons.
func parseTopFilter(filter string) (words string, bounds []bound, err error) {
	var plain []string
	for _, word := range strings.Fields(strings.ToLower(filter)) {
		p := comparison.FindStringSubmatch(word)
		if p == nil {
			plain = append(plain, word)
			continue
		}
		b, names := bound{sign: p[3], not: p[1] != ""}, []string(nil)
		for _, n := range topNumbers {
			if names = append(names, n.name); n.name == p[2] {
				b.number = n
			}
		}
		if b.number.name == "" {
			return "", nil, fmt.Errorf("filter: no number %q; want one of %s", p[2], strings.Join(names, ", "))
		}
		if b.sign == "=" {
			return "", nil, fmt.Errorf("filter: got %q; want %s with <, <=, > or >=", word, p[2])
		}
		q := quantity.FindStringSubmatch(p[4])
		if q != nil {
			b.limit, err = strconv.ParseFloat(q[1], 64)
		}
		if unit, ok := 0.0, false; q != nil && err == nil {
			if unit, ok = b.number.units[q[2]]; ok {
				b.limit *= unit
				bounds = append(bounds, b)
				continue
			}
		}
		example := map[string]string{"latency": "1ms", "time": "2m", "params": "50k", "madds": "2M"}[p[2]]
		if example == "" {
			example = ".7"
		}
		return "", nil, fmt.Errorf("filter: got %q; want a number after %s, such as %s%s%s", word, b.sign, p[2], b.sign,
			example)
	}
	return strings.Join(plain, " "), bounds, nil
}

// passing returns the cells that match a filter.
func passing(cells []nas.TrialView, filter string, latency latencyOf) (out []nas.TrialView, err error) {
	words, bounds, err := parseTopFilter(filter)
	if err != nil {
		return nil, err
	}
next:
	for _, t := range cells {
		for _, b := range bounds {
			if !b.holds(t, latency) {
				continue next
			}
		}
		starred := ""
		if t.Star {
			starred = "starred"
		}
		if matches(words, append(opWords(t.Genotype), t.Cell, "child "+t.Label(), t.Kind.Word(), t.Note,
			t.Genotype.Normal.Text(), t.Genotype.Reduction.Text(), starred)...) {
			out = append(out, t)
		}
	}
	return out, nil
}

// opWords returns the ops of both cells under every name that screens and files use.
func opWords(g space.Genotype) (words []string) {
	for _, c := range []space.Cell{g.Normal, g.Reduction} {
		for _, k := range c.Blocks {
			for _, name := range []string{k.Op1, k.Op2} {
				if o, ok := space.OpByName(name); ok {
					words = append(words, o.Name, o.Label, o.Drawn)
				}
			}
		}
	}
	return words
}
