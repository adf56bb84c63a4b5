package space

import (
	"fmt"
	"strings"
	"unicode"
)

// KnownCell is a published architecture.
type KnownCell struct {
	Name     string
	Source   string // where we took the wiring from
	Note     string // what users should know about it
	Genotype Genotype
}

// Known lists the published architectures that this search space can express.
var Known = []KnownCell{
	known("nasnet-a", "tensorflow/models slim nasnet_utils.py, NasNetANormalCell and NasNetAReductionCell; arXiv "+
		"1707.07012",
		"concat lists as released: against the rule in the paper's text, they include the input h[i-1] (normal) "+
			"and the state b1, which blocks read (reduction)",
		"h.s5+p.s3 p.s5+p.s3 h.a3+p.i p.a3+p.a3 h.s3+h.i [p01234]",
		"h.s5+p.s7 h.m3+p.s7 h.a3+p.s5 1.i+0.a3 0.s3+h.m3 [1234]"),
	known("pnasnet-5", "tensorflow/models slim pnasnet.py, PNasNetNormalCell; arXiv 1712.00559",
		"one cell for both roles, all blocks concatenated; the published network replaces a normal cell with the "+
			"strided one instead of inserting it",
		"p.s5+p.m3 h.s7+h.m3 h.s5+h.s3 2.s3+h.m3 p.s3+h.i [01234]",
		"p.s5+p.m3 h.s7+h.m3 h.s5+h.s3 2.s3+h.m3 p.s3+h.i [01234]"),
	known("amoebanet-a", "tensorflow/tpu models/official/amoeba_net/model_specs.py, amoeba_net_a; arXiv 1802.01548",
		"the wiring of the authors' TPU code; the AmoebaNet of quark0/darts cnn/genotypes.py is wired differently",
		"h.a3+h.m3 p.s3+p.i h.i+p.a3 h.s3+0.s5 3.a3+h.s3 [p124]",
		"p.s3+h.a3 h.m3+0.s7 p.m3+h.m3 2.s3+h.f7 p.a3+h.s7 [01234]"),
	known("amoebanet-c", "tensorflow/tpu models/official/amoeba_net/model_specs.py, amoeba_net_c; arXiv 1802.01548",
		"both concat lists include an input of the cell",
		"h.a3+h.s3 h.i+h.s3 0.a3+p.s3 h.i+p.s3 1.a3+h.s3 [p0234]",
		"h.m3+h.m3 0.s7+h.s3 h.s7+p.m3 2.s5+2.s5 p.m3+p.s3 [h01234]"),
	known("enas", "melodyguan/enas scripts/cifar10_micro_final.sh; arXiv 1802.03268",
		"the authors' code builds a strided identity as a factorized reduction; here it is a strided 1x1 convolution",
		"p.a3+p.s3 p.i+p.s5 p.i+h.s5 h.s3+p.s5 p.a3+h.s5 [01234]",
		"h.s3+h.s3 p.m3+p.a3 h.s5+1.s5 h.s3+p.i p.m3+h.s5 [0234]"),
	known("darts-v1", "quark0/darts cnn/genotypes.py, DARTS_V1 (first order); arXiv 1806.09055",
		"four blocks, all concatenated; DARTS V2 needs a depthwise dilated convolution, which is not among the ops",
		"h.s3+p.s3 p.i+h.s3 p.i+h.s3 p.s3+0.i [0123]",
		"p.m3+h.m3 0.i+p.m3 p.m3+0.i 0.i+p.a3 [0123]"),
}

func known(name, source, note, normal, reduction string) KnownCell {
	g, err := ParseText("name=" + name + " normal=" + normal + " reduction=" + reduction)
	if err != nil {
		panic(fmt.Sprintf("space: known cell %s: %v", name, err))
	}
	return KnownCell{Name: name, Source: source, Note: note, Genotype: g}
}

// inexpressible lists published architectures that people will ask for but that this search space cannot express, with
// the reason.
var inexpressible = []struct{ name, reason string }{
	{"nasnet-b", "it has four input states, no concat at its output, and combines with layer and instance " +
		"normalisation (arXiv 1707.07012, appendix B, figure 8); this space has two inputs, and combines by add or " +
		"concat"},
	{"nasnet-c", "it combines with layer and instance normalisation (arXiv 1707.07012, appendix B, figure 9); this " +
		"space combines by add or concat"},
	{"amoebanet-b", "it needs a 2x2 max pool and a dilated 5x5 separable convolution (tensorflow/tpu amoeba_net), " +
		"which are not among the ops"},
	{"darts-v2", "it needs a depthwise-separable dilated 3x3 convolution (quark0/darts cnn/operations.py, DilConv); " +
		"dil3x3 here is a plain dilated one"},
	{"amoebanet-d", "it needs a 2x2 max pool (tensorflow/tpu amoeba_net), which is not among the ops"},
}

// Lookup finds a known cell by name; case and punctuation do not matter. For NASNet-B and -C, AmoebaNet-B and -D and
// DARTS V2 the error explains why the space cannot express them.
func Lookup(name string) (KnownCell, error) {
	want := fold(name)
	var names []string
	for _, k := range Known {
		if fold(k.Name) == want {
			k.Genotype = k.Genotype.Clone()
			return k, nil
		}
		names = append(names, k.Name)
	}
	for _, x := range inexpressible {
		if fold(x.name) == want {
			return KnownCell{}, fmt.Errorf("space: %s cannot be expressed: %s", x.name, x.reason)
		}
	}
	return KnownCell{}, fmt.Errorf("space: no known cell %q, want one of %s", clip(name),
		strings.Join(names, ", "))
}

// fold keeps the letters and digits of a name, in lower case.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}
