package space

import (
	"fmt"
	"slices"
	"strings"
)

// Family names a row of [Families]: ops that are built, drawn, coloured and named alike, apart from the size of their
// window.
type Family string

// The families.
const (
	Identity   Family = "identity"
	Conv       Family = "conv"       // one k x k convolution
	Factorized Family = "factorized" // 1 x k, then k x 1
	Dilated    Family = "dilated"
	Separable  Family = "separable" // depthwise k x k and pointwise, applied twice
	AvgPool    Family = "avgpool"
	MaxPool    Family = "maxpool"
)

// FamilyRow is one row of the table of families. Package child has a builder for each family.
type FamilyRow struct {
	Name   Family
	Colour string // on terminals: green, yellow, magenta, cyan, or empty for none
	// in pictures: a pale and a darker colour, as "#rrggbb"; their grey values also differ from other families'
	Fill, Edge string
	Slim       string // slim's name for its ops, where K stands for the window's side; empty: slim has none
}

// Families lists the families of [Ops].
var Families = []FamilyRow{
	{Identity, "", "#ffffff", "#8a8a8a", "none"},
	{Conv, "green", "#dce8f7", "#3f6ea6", ""},
	{Factorized, "green", "#cfe3ec", "#2f7f95", ""},
	{Dilated, "yellow", "#e4dcf3", "#7254a8", ""},
	{Separable, "cyan", "#fdebc8", "#b97a14", "separable_KxK_2"},
	{AvgPool, "magenta", "#dcefd9", "#4b8b3b", "avg_pool_KxK"},
	{MaxPool, "magenta", "#f6d9d3", "#b04a35", "max_pool_KxK"},
}

// Row returns the row of a family; ok is false if there is none.
func (f Family) Row() (row FamilyRow, ok bool) {
	i := slices.IndexFunc(Families, func(r FamilyRow) bool { return r.Name == f })
	if i < 0 {
		return FamilyRow{}, false
	}
	return Families[i], true
}

// Op is one row of the table of operations.
type Op struct {
	Name   string // in JSON, in stored runs, on the command line
	Short  string // in one-line forms and, through them, in the hashes of cells
	Label  string // for display
	Family Family
	Kernel int    // side of the window in pixels, before dilation; 1 for identity
	Drawn  string // in drawings of cells; empty: Name
}

// Ops lists every operation that a cell may use. The paper has 13 (section 3, list before figure 3); the 5x5 average
// pool is the fourteenth.
//
// Stored runs and hashes of cells depend on this table: a row never moves and never changes its name or short name. A
// new op is a row at the end, a builder in package child if its family is new, and test vectors in package child.
var Ops = []Op{
	{"identity", "i", "identity", Identity, 1, ""},
	{"conv1x3_3x1", "f3", "1x3 3x1", Factorized, 3, "c1x3-3x1"},
	{"conv1x7_7x1", "f7", "1x7 7x1", Factorized, 7, "c1x7-7x1"},
	{"dil3x3", "d3", "dil 3x3", Dilated, 3, ""},
	{"avg3x3", "a3", "avg 3x3", AvgPool, 3, ""},
	{"avg5x5", "a5", "avg 5x5", AvgPool, 5, ""},
	{"max3x3", "m3", "max 3x3", MaxPool, 3, ""},
	{"max5x5", "m5", "max 5x5", MaxPool, 5, ""},
	{"max7x7", "m7", "max 7x7", MaxPool, 7, ""},
	{"conv1x1", "c1", "conv 1x1", Conv, 1, ""},
	{"conv3x3", "c3", "conv 3x3", Conv, 3, ""},
	{"sep3x3", "s3", "sep 3x3", Separable, 3, ""},
	{"sep5x5", "s5", "sep 5x5", Separable, 5, ""},
	{"sep7x7", "s7", "sep 7x7", Separable, 7, ""},
}

// OpByName finds an op by its Name.
func OpByName(name string) (Op, bool) {
	i := opIndex(name)
	if i < 0 {
		return Op{}, false
	}
	return Ops[i], true
}

// opIndex returns the index of an op in Ops, or -1.
func opIndex(name string) int {
	return slices.IndexFunc(Ops, func(o Op) bool { return o.Name == name })
}

// NamedOpSet is a named set of ops.
type NamedOpSet struct {
	Name string
	Ops  []string // names, in the order a [Space] numbers them
}

// OpSets lists the named sets of ops; the first is the default. A set never changes, whatever is added to [Ops]:
// configs of older runs store only its name.
var OpSets = []NamedOpSet{
	{"seed-14", strings.Fields("identity conv1x3_3x1 conv1x7_7x1 dil3x3 avg3x3 avg5x5 max3x3 max5x5 max7x7 conv1x1 " +
		"conv3x3 sep3x3 sep5x5 sep7x7")},
	// The ops of the paper.
	{"paper-13", strings.Fields("identity conv1x3_3x1 conv1x7_7x1 dil3x3 avg3x3 max3x3 max5x5 max7x7 conv1x1 conv3x3 " +
		"sep3x3 sep5x5 sep7x7")},
	// The five ops of ENAS's micro search space (arXiv 1802.03268): cheap ones that train fast.
	{"light", strings.Fields("identity avg3x3 max3x3 sep3x3 sep5x5")},
}

// OpSetHelp describes what [OpSet] accepts.
func OpSetHelp() string { return "op set (" + strings.Join(setNames(), ", ") + ") or a list of ops" }

func setNames() (names []string) {
	for _, s := range OpSets {
		names = append(names, s.Name)
	}
	return names
}

// OpSetName is the inverse of [OpSet]: it returns the name of the set that has exactly these ops in this order, or the
// list itself.
func OpSetName(ops []string) string {
	for _, s := range OpSets {
		if slices.Equal(s.Ops, ops) {
			return s.Name
		}
	}
	return strings.Join(ops, ",")
}

// OpSet resolves the name of a set, or a comma-separated list of ops in the wanted order, to op names. An op may be
// listed only once.
func OpSet(spec string) ([]string, error) {
	spec = strings.TrimSpace(spec)
	if i := slices.Index(setNames(), spec); i >= 0 {
		return slices.Clone(OpSets[i].Ops), nil
	}
	var ops []string
	for _, f := range strings.Split(spec, ",") {
		f = strings.TrimSpace(f)
		if opIndex(f) < 0 {
			return nil, fmt.Errorf("space: op set %q: %q is neither a set (%s) nor an op (%s)",
				clip(spec), clip(f), strings.Join(setNames(), ", "), strings.Join(opNames(), ", "))
		}
		if slices.Contains(ops, f) {
			return nil, fmt.Errorf("space: op set %q: %s is listed twice", clip(spec), f)
		}
		ops = append(ops, f)
	}
	return ops, nil
}

func opNames() (names []string) {
	for _, o := range Ops {
		names = append(names, o.Name)
	}
	return names
}

// clip shortens text of unknown origin for an error message.
func clip(s string) string {
	const most = 60
	r := []rune(s)
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}
