package space

import (
	"fmt"
	"slices"
	"strings"
)

// Family groups ops which are drawn, coloured and counted alike.
type Family string

// The families of [Ops].
const (
	Identity   Family = "identity"
	Conv       Family = "conv"       // one k x k convolution
	Factorized Family = "factorized" // 1 x k, then k x 1
	Dilated    Family = "dilated"
	Separable  Family = "separable" // depthwise k x k and pointwise, applied twice
	AvgPool    Family = "avgpool"
	MaxPool    Family = "maxpool"
)

// Op is one row of the table of operations.
type Op struct {
	Name   string // stable: in JSON, in stored runs, on the command line
	Short  string // unique, for one-line forms
	Label  string // for people
	Family Family
	Kernel int // side of the window in pixels, before dilation; 1 for identity
}

// Ops is every operation a cell may use, in the order the search space numbers them. The paper has 13 (section 3, list before figure 3); the
// 5x5 average pool is the fourteenth.
var Ops = []Op{
	{"identity", "i", "identity", Identity, 1},
	{"conv1x3_3x1", "f3", "1x3 3x1", Factorized, 3},
	{"conv1x7_7x1", "f7", "1x7 7x1", Factorized, 7},
	{"dil3x3", "d3", "dil 3x3", Dilated, 3},
	{"avg3x3", "a3", "avg 3x3", AvgPool, 3},
	{"avg5x5", "a5", "avg 5x5", AvgPool, 5},
	{"max3x3", "m3", "max 3x3", MaxPool, 3},
	{"max5x5", "m5", "max 5x5", MaxPool, 5},
	{"max7x7", "m7", "max 7x7", MaxPool, 7},
	{"conv1x1", "c1", "conv 1x1", Conv, 1},
	{"conv3x3", "c3", "conv 3x3", Conv, 3},
	{"sep3x3", "s3", "sep 3x3", Separable, 3},
	{"sep5x5", "s5", "sep 5x5", Separable, 5},
	{"sep7x7", "s7", "sep 7x7", Separable, 7},
}

// OpByName finds an op by its Name.
func OpByName(name string) (Op, bool) {
	i := opIndex(name)
	if i < 0 {
		return Op{}, false
	}
	return Ops[i], true
}

// opIndex is the place of the op in Ops, -1 when there is none of that name.
func opIndex(name string) int {
	return slices.IndexFunc(Ops, func(o Op) bool { return o.Name == name })
}

// opNames lists the names of Ops which keep accepts.
func opNames(keep func(Op) bool) []string {
	var names []string
	for _, o := range Ops {
		if keep(o) {
			names = append(names, o.Name)
		}
	}
	return names
}

// NamedOpSet is a set of ops with a name.
type NamedOpSet struct {
	Name, Title string
	Ops         []string // names, in the order a [Space] numbers them
}

// OpSets are the sets of ops that have a name; the first is the default.
var OpSets = []NamedOpSet{
	{"seed-14", "all 14 ops", opNames(func(Op) bool { return true })},
	{"paper-13", "the 13 ops of the paper: no 5x5 average pool", opNames(func(o Op) bool { return o.Name != "avg5x5" })},
	// The five ops of ENAS's micro search space (arXiv 1802.03268): cheap children, every one trains fast.
	{"light", "identity, 3x3 pools, separable 3x3 and 5x5", []string{"identity", "avg3x3", "max3x3", "sep3x3", "sep5x5"}},
}

// OpSet resolves the name of a set, or a comma-separated list of op names in the order wanted, to op names. An op may be listed once.
func OpSet(spec string) ([]string, error) {
	spec = strings.TrimSpace(spec)
	var names []string
	for _, s := range OpSets {
		if s.Name == spec {
			return slices.Clone(s.Ops), nil
		}
		names = append(names, s.Name)
	}
	var ops []string
	for _, f := range strings.Split(spec, ",") {
		f = strings.TrimSpace(f)
		if opIndex(f) < 0 {
			return nil, fmt.Errorf("space: op set %q: %q is neither a set (%s) nor an op (%s)",
				clip(spec), clip(f), strings.Join(names, ", "), strings.Join(allOps(), ", "))
		}
		if slices.Contains(ops, f) {
			return nil, fmt.Errorf("space: op set %q: %s is listed twice", clip(spec), f)
		}
		ops = append(ops, f)
	}
	return ops, nil
}

func allOps() []string { return OpSets[0].Ops }

// clip shortens text of unknown origin for an error message.
func clip(s string) string {
	const most = 60
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}
