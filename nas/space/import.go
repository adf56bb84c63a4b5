package space

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// foreignOp is the counterpart here of an op of DARTS or NNI.
type foreignOp struct {
	name   string
	op     string // "" if there is none
	note   string // what differs, or why there is no counterpart
	export bool   // write op with this name
}

// foreignOps follows quark0/darts cnn/operations.py and microsoft/nni nas/hub/pytorch/nasnet.py.
var foreignOps = []foreignOp{
	{"skip_connect", "identity", "", true},
	{"avg_pool_3x3", "avg3x3", "", true},
	{"avg_pool_5x5", "avg5x5", "", true},
	{"max_pool_3x3", "max3x3", "", true},
	{"max_pool_5x5", "max5x5", "", true},
	{"max_pool_7x7", "max7x7", "", true},
	{"sep_conv_3x3", "sep3x3", "", true},
	{"sep_conv_5x5", "sep5x5", "", true},
	{"sep_conv_7x7", "sep7x7", "", true},
	{"conv_1x1", "conv1x1", "", true},
	{"conv 1x1", "conv1x1", "", false},
	{"conv_3x3", "conv3x3", bottleneck, true},
	{"conv 3x3", "conv3x3", bottleneck, false},
	{"conv_3x1_1x3", "conv1x3_3x1", bottleneck, true},
	{"conv_7x1_1x7", "conv1x7_7x1", bottleneck, true},
	{"none", "", "it means no connection, and every operand here has an op", false},
	{"dil_conv_3x3", "", depthwise, false},
	{"dil_conv_5x5", "", depthwise, false},
	{"dil_sep_conv_3x3", "", depthwise, false},
	{"avg_pool_2x2", "", "there are no 2x2 pools here", false},
	{"max_pool_2x2", "", "there are no 2x2 pools here", false},
}

const (
	bottleneck = "there it runs at full width with one batch normalisation, here in a bottleneck of a quarter (3/8 " +
		"for 1x3 3x1) of the filters"
	depthwise = "it is a depthwise-separable dilated convolution there; dil3x3 here is a plain dilated one"
)

const reversed = "inputs 0 and 1 were swapped: there 0 is h[i-1], here 0 is h[i]"

// Import converts a genotype as other projects write it, and lists in notes what it changed. It reads
//
//	DARTS_V1 = Genotype(normal=[('sep_conv_3x3', 1), …], normal_concat=[2, 3, 4, 5], reduce=[…], reduce_concat=[…])
//	{'normal/op_2_0': 'sep_conv_3x3', 'normal/input_2_0': [0], …, 'reduce/op_2_0': …}
//	0 2 0 0 0 4 0 1 …
//
// that is: quark0/darts and its descendants (a concat may also be range(2, 6)); the architecture dict of NNI; the fixed
// arc of ENAS's micro space (per block: input, op, input, op; ops 0 to 4 are sep3x3 sep5x5 avg3x3 max3x3 identity;
// normal cell, then reduction). All of them number the inputs the other way round. An op without a counterpart here is
// an error with the reason.
func Import(s string) (g Genotype, notes []string, err error) {
	if len(s) > maxBytes {
		return g, nil, fmt.Errorf("space: import: has %d bytes, want at most %d", len(s), maxBytes)
	}
	im := importer{}
	if isArc(s) {
		g, err = im.enas(strings.Fields(s))
	} else {
		g, err = im.python(strings.TrimSpace(s))
	}
	if err != nil {
		return Genotype{}, nil, fmt.Errorf("space: import: %w", err)
	}
	if err := g.Validate(); err != nil {
		return Genotype{}, nil, err
	}
	return g, append([]string{reversed}, im.notes...), nil
}

// ParseDARTS is [Import] without the notes.
func ParseDARTS(s string) (Genotype, error) {
	g, _, err := Import(s)
	return g, err
}

// importer collects notes without repeating any.
type importer struct{ notes []string }

func (im *importer) note(s string) {
	if !slices.Contains(im.notes, s) {
		im.notes = append(im.notes, s)
	}
}

func (im *importer) op(name string) (string, error) {
	var names []string
	for _, f := range foreignOps {
		if f.name == name && f.op == "" {
			return "", fmt.Errorf("op %s has no counterpart here: %s", name, f.note)
		}
		if f.name == name {
			if f.note != "" {
				im.note(name + " became " + f.op + ": " + f.note)
			}
			return f.op, nil
		}
		if f.export {
			names = append(names, f.name)
		}
	}
	return "", fmt.Errorf("op %q is unknown, want one of %s", clip(name), strings.Join(names, " "))
}

// swap swaps the numbers of the two inputs.
func swap(state int) int {
	if state == 0 || state == 1 {
		return 1 - state
	}
	return state
}

// python reads a Genotype(…) call, with or without a name before it, or a dict of NNI.
func (im *importer) python(s string) (g Genotype, err error) {
	if i := strings.Index(s, "Genotype("); i > 0 { // "DARTS_V2 = ", or the time stamp of a log line
		if name, ok := strings.CutSuffix(strings.TrimSpace(s[:i]), "="); ok {
			if f := strings.Fields(name); len(f) > 0 && f[len(f)-1] != "genotype" {
				g.Name = f[len(f)-1]
			}
		}
		s = s[i:]
	}
	v, err := parsePython(s)
	if err != nil {
		return g, err
	}
	c, ok := v.(*pyCall)
	switch {
	case ok && c.name == "Genotype":
		err = im.darts(&g, c)
	case ok && c.name == "":
		err = im.nni(&g, c)
	default:
		err = errors.New("want Genotype(normal=…, reduce=…) or a dict with keys like normal/op_2_0")
	}
	return g, err
}
