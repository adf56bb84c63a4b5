package space_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"nasnet/nas/space"
)

// The same published cells as others have transcribed them, with their numbering of the inputs.
const (
	dartsNASNet = `NASNet = Genotype(
  normal = [
    ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 0), ('sep_conv_3x3', 0),
    ('avg_pool_3x3', 1), ('skip_connect', 0),
    ('avg_pool_3x3', 0), ('avg_pool_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 1),
  ],
  normal_concat = [2, 3, 4, 5, 6],
  reduce = [
    ('sep_conv_5x5', 1), ('sep_conv_7x7', 0), ('max_pool_3x3', 1), ('sep_conv_7x7', 0),
    ('avg_pool_3x3', 1), ('sep_conv_5x5', 0),
    ('skip_connect', 3), ('avg_pool_3x3', 2), ('sep_conv_3x3', 2), ('max_pool_3x3', 1),
  ],
  reduce_concat = [4, 5, 6],
)`
	dartsV1 = `Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ` +
		`('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], ` +
		`normal_concat=range(2, 6), reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ` +
		`('max_pool_3x3', 0), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ` +
		`('avg_pool_3x3', 0)], reduce_concat=range(2, 6))`
	pnasCell = `[('sep_conv_5x5', 0), ('max_pool_3x3', 0), ('sep_conv_7x7', 1), ` +
		`('max_pool_3x3', 1), ('sep_conv_5x5', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 4), ('max_pool_3x3', 1), ` +
		`('sep_conv_3x3', 0), ('skip_connect', 1)]`
	dartsPNAS = `PNASNet = Genotype(normal=` + pnasCell + `, normal_concat=[2, 3, 4, 5, 6], reduce=` + pnasCell +
		`, reduce_concat=[2, 3, 4, 5, 6])`
	enasArc   = "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1\n1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1"
	nniNASNet = `{'normal/op_2_0': 'conv_1x1', 'normal/input_2_0': [0], 'normal/op_2_1': 'max_pool_7x7',
		'normal/input_2_1': [1],
		'width': 16, # chosen
		'reduce/op_2_0': 'conv_7x1_1x7', 'reduce/input_2_0': 1, 'reduce/op_2_1': "skip_connect", 'reduce/input_2_1': 1}`
	nestedPairs = `Genotype(normal=[(('sep_conv_3x3', 0), ('skip_connect', 1))], ` +
		`normal_concat=[2], reduce=[(('sep_conv_3x3', 0), ('skip_connect', 1))], reduce_concat=[2])`
)

func TestImportAgreesWithTheKnownCells(t *testing.T) {
	strict := func(g space.Genotype) space.Genotype {
		g.Normal.Concat, g.Reduction.Concat = nil, nil
		return g
	}
	for _, c := range []struct {
		name, text, known string
		want              func(space.Genotype) space.Genotype
		genotypeName      string
	}{
		{"DARTS's NASNet is NASNet-A by the strict rule", dartsNASNet, "nasnet-a", strict, "NASNet"},
		{"DARTS V1", dartsV1, "darts-v1", nil, ""},
		{"PNASNet-5 as PNASNet.pytorch has it", dartsPNAS, "pnasnet-5", nil, "PNASNet"},
		{"the arc of ENAS", enasArc, "enas", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, notes, err := space.Import(c.text)
			if err != nil {
				t.Fatal(err)
			}
			k, err := space.Lookup(c.known)
			if err != nil {
				t.Fatal(err)
			}
			want := k.Genotype
			if c.want != nil {
				want = c.want(want)
			}
			want.Name = c.genotypeName
			if !reflect.DeepEqual(g, want) {
				t.Errorf("got  %s\nwant %s", g.Text(), want.Text())
			}
			if len(notes) == 0 || !strings.Contains(notes[0], "inputs 0 and 1 were swapped") {
				t.Errorf("notes %q do not mention that the inputs were swapped", notes)
			}
			if p, err := space.Parse(c.text); err != nil || !reflect.DeepEqual(p, g) {
				t.Errorf("Parse gave %s, %v", p.Text(), err)
			}
		})
	}
}

// The rows of slim and of the TPU code, in their own notation, against the known cells.
func TestKnownCellsMatchTheAuthorsCode(t *testing.T) {
	ours := map[string]string{"none": "identity", "1x7_7x1": "conv1x7_7x1", "avg_pool_3x3": "avg3x3",
		"max_pool_3x3":    "max3x3",
		"separable_3x3_2": "sep3x3", "separable_5x5_2": "sep5x5", "separable_7x7_2": "sep7x7"}
	for _, c := range []struct {
		name, kind, ops string
		idx             [10]int
		used            [7]int
	}{
		{"nasnet-a", "normal", "separable_5x5_2 separable_3x3_2 separable_5x5_2 separable_3x3_2 avg_pool_3x3 none " +
			"avg_pool_3x3 avg_pool_3x3 separable_3x3_2 none",
			[10]int{0, 1, 1, 1, 0, 1, 1, 1, 0, 0}, [7]int{1, 0, 0, 0, 0, 0, 0}},
		{"nasnet-a", "reduction", "separable_5x5_2 separable_7x7_2 max_pool_3x3 separable_7x7_2 avg_pool_3x3 " +
			"separable_5x5_2 none avg_pool_3x3 separable_3x3_2 max_pool_3x3",
			[10]int{0, 1, 0, 1, 0, 1, 3, 2, 2, 0}, [7]int{1, 1, 1, 0, 0, 0, 0}},
		{"pnasnet-5", "normal", "separable_5x5_2 max_pool_3x3 separable_7x7_2 max_pool_3x3 separable_5x5_2 " +
			"separable_3x3_2 separable_3x3_2 max_pool_3x3 separable_3x3_2 none",
			[10]int{1, 1, 0, 0, 0, 0, 4, 0, 1, 0}, [7]int{1, 1, 0, 0, 0, 0, 0}},
		{"pnasnet-5", "reduction", "separable_5x5_2 max_pool_3x3 separable_7x7_2 max_pool_3x3 separable_5x5_2 " +
			"separable_3x3_2 separable_3x3_2 max_pool_3x3 separable_3x3_2 none",
			[10]int{1, 1, 0, 0, 0, 0, 4, 0, 1, 0}, [7]int{1, 1, 0, 0, 0, 0, 0}},
		{"amoebanet-a", "normal", "avg_pool_3x3 max_pool_3x3 separable_3x3_2 none none avg_pool_3x3 separable_3x3_2 " +
			"separable_5x5_2 avg_pool_3x3 separable_3x3_2",
			[10]int{0, 0, 1, 1, 0, 1, 0, 2, 5, 0}, [7]int{1, 0, 1, 0, 0, 1, 0}},
		{"amoebanet-a", "reduction", "separable_3x3_2 avg_pool_3x3 max_pool_3x3 separable_7x7_2 max_pool_3x3 " +
			"max_pool_3x3 separable_3x3_2 1x7_7x1 avg_pool_3x3 separable_7x7_2",
			[10]int{1, 0, 0, 2, 1, 0, 4, 0, 1, 0}, [7]int{1, 1, 0, 0, 0, 0, 0}},
		{"amoebanet-c", "normal", "avg_pool_3x3 separable_3x3_2 none separable_3x3_2 avg_pool_3x3 separable_3x3_2 " +
			"none separable_3x3_2 avg_pool_3x3 separable_3x3_2",
			[10]int{0, 0, 0, 0, 2, 1, 0, 1, 3, 0}, [7]int{1, 0, 0, 1, 0, 0, 0}},
		{"amoebanet-c", "reduction", "max_pool_3x3 max_pool_3x3 separable_7x7_2 separable_3x3_2 separable_7x7_2 " +
			"max_pool_3x3 separable_5x5_2 separable_5x5_2 max_pool_3x3 separable_3x3_2",
			[10]int{0, 0, 2, 0, 0, 1, 4, 4, 1, 1}, [7]int{0, 1, 0, 0, 0, 0, 0}},
	} {
		t.Run(c.name+" "+c.kind, func(t *testing.T) {
			k, err := space.Lookup(c.name)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := k.Genotype.Cell(c.kind)
			if !ok {
				t.Fatal("no such cell")
			}
			want := space.Cell{}
			ops := strings.Fields(c.ops)
			for b := range 5 {
				want.Blocks = append(want.Blocks, space.Block{In1: c.idx[2*b], Op1: ours[ops[2*b]], In2: c.idx[2*b+1],
					Op2: ours[ops[2*b+1]], Combine: "add"})
			}
			var outputs []int
			for s, used := range c.used {
				if used == 0 {
					outputs = append(outputs, s)
				}
			}
			if !reflect.DeepEqual(got.Blocks, want.Blocks) || !reflect.DeepEqual(got.Outputs(), outputs) {
				t.Errorf("got %s, want blocks %s and outputs %v", got.Text(), want.Text(), outputs)
			}
		})
	}
}

func TestKnown(t *testing.T) {
	for _, k := range space.Known {
		if err := k.Genotype.Validate(); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		if k.Source == "" || k.Note == "" || k.Genotype.Name != k.Name {
			t.Errorf("%s lacks a source, a note or its name", k.Name)
		}
	}
	a, _ := space.Lookup("amoebanet-a")
	if !strings.Contains(a.Source, "tensorflow/tpu") {
		t.Errorf("amoebanet-a does not name the source of its transcription: %s", a.Source)
	}
	a.Genotype.Normal.Blocks[0].Op1 = "sep7x7"
	if b, _ := space.Lookup("amoebanet-a"); b.Genotype.Normal.Blocks[0].Op1 != "avg3x3" {
		t.Error("Lookup shares memory with the table")
	}
	for _, c := range []struct{ name, want string }{
		{"NASNet-B", "nasnet-b cannot be expressed: it has four input states"},
		{"nasnet_c", "nasnet-c cannot be expressed: it combines with layer and instance normalisation"},
		{"amoebanet-b", "2x2 max pool and a dilated 5x5 separable"},
		{"AmoebaNetD", "2x2 max pool"},
		{"darts-v2", "dil3x3 here is a plain dilated one"},
		{"resnet", `no known cell "resnet", want one of nasnet-a, pnasnet-5, amoebanet-a, amoebanet-c, enas, darts-v1`},
		{"", `no known cell ""`},
	} {
		if _, err := space.Lookup(c.name); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Lookup(%q): %v, want %q", c.name, err, c.want)
		}
	}
}

func TestImportConvertsAndSaysSo(t *testing.T) {
	g, notes, err := space.Import(nniNASNet)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := g.Text(), "normal=p.c1+h.m7 [0] reduction=h.f7+h.i [0]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	all := strings.Join(notes, "\n")
	for _, want := range []string{"swapped", "conv_7x1_1x7 became conv1x7_7x1: there it runs at full width",
		"width and depth are not part", "loose_end"} {
		if !strings.Contains(all, want) {
			t.Errorf("notes\n%s\nlack %q", all, want)
		}
	}
	if g, err = space.Parse(nniNASNet); err != nil || g.Normal.Blocks[0].Op1 != "conv1x1" {
		t.Errorf("Parse: %v, %v", g, err)
	}

	g, notes, err = space.Import("2019-01-02 10:11:12,345 genotype = " + dartsV1)
	if err != nil || g.Name != "" || len(notes) != 1 {
		t.Errorf("a line of a log: %q, notes %q, %v", g.Name, notes, err)
	}
	if g, _, err = space.Import(nestedPairs); err != nil || g.Normal.Text() != "p.s3+h.i [0]" {
		t.Errorf("pairs of pairs: %s, %v", g.Normal.Text(), err)
	}
	if g, _, err = space.Import("Genotype([('sep_conv_3x3', 0), ('skip_connect', 1)], [0, 2], [('sep_conv_3x3', 0), " +
		"('skip_connect', 1)], [2])"); err != nil ||
		g.Normal.Text() != "p.s3+h.i [p0]" {
		t.Errorf("positional arguments, an input in the concat: %s, %v", g.Normal.Text(), err)
	}
	if g, notes, err = space.Import("0 0 0 1 0 0 0 1"); err != nil || g.Normal.Text() != "p.s3+p.s5 [h0]" ||
		len(notes) != 2 {
		t.Errorf("an arc with an unused input: %s, %q, %v", g.Normal.Text(), notes, err)
	}
}

func TestImportRefuses(t *testing.T) {
	one := func(op string) string {
		return "Genotype(normal=[('" + op + "', 0), ('skip_connect', 1)], normal_concat=[2], " +
			"reduce=[('skip_connect', 0), ('skip_connect', 1)], reduce_concat=[2])"
	}
	if _, _, err := space.Import(one("sep_conv_3x3")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"the zero op", one("none"), "space: import: normal cell: block b0: op none has no counterpart here: it " +
			"means no connection"},
		{"the dilated op of DARTS", one("dil_conv_3x3"),
			"op dil_conv_3x3 has no counterpart here: it is a depthwise-separable dilated convolution there"},
		{"an unheard-of op", one("conv_11x11"),
			`op "conv_11x11" is unknown, want one of skip_connect avg_pool_3x3`},
		{"an input that comes later", strings.Replace(one("conv_1x1"), "0)", "3)", 1),
			"space: normal cell: block b0: in1 is state 3, want 0 to 1"},
		{"an odd number of ops", "Genotype(normal=[('skip_connect', 0)], reduce=[])",
			"normal has 1 ops, want two per block"},
		{"no reduction cell", "Genotype(normal=[('skip_connect', 0), ('skip_connect', 1)])",
			"reduction cell: reduce is not a list"},
		{"a recurrent genotype", "Genotype(recurrent=[('relu', 0)], concat=[1])",
			"Genotype has recurrent, want normal, normal_concat, reduce, reduce_concat"},
		{"an op without an input", "Genotype(normal=['skip_connect', 0], reduce=[])", "want an op and an input"},
		{"an unclosed string", "Genotype(normal=[('skip", "is not closed"},
		{"an unclosed bracket", "Genotype(normal=[('skip_connect', 0)", "want , or ]"},
		{"text after the end", one("conv_1x1") + " x", `"x" after the end`},
		{"a key twice", "Genotype(normal=[], normal=[])", "normal is given twice"},
		{"deeply nested brackets", strings.Repeat("[", 1000), "nested more than 8 deep"},
		{"a huge range", strings.Replace(one("conv_1x1"), "[2]", "range(0, 1000000000)", 1),
			"want a list of states or range(a, b)"},
		{"a huge number", strings.Replace(one("conv_1x1"), "[2]", "[99999999999999999999]", 1), "is not an integer"},
		{"a truncated arc", "0 2 0 0", "the arc has 4 numbers, want 8 per block"},
		{"an arc with an unknown op", "0 5 0 0 0 0 0 0", "op 5 is unknown, want 0 to 4"},
		{"an arc with a huge number", "0 0 0 0 0 0 0 99999999999999999999", "is not a number of an arc"},
		{"a dict without its second operand", "{'normal/op_2_0': 'conv_1x1', 'normal/input_2_0': 0}",
			"normal/op_2_1 or normal/input_2_1 is missing"},
		{"a dict with a foreign key", strings.Replace(nniNASNet, "'width'", "'kernel'", 1),
			`key "kernel" is unknown`},
		{"more than 64 KiB", strings.Repeat("0 ", 40000), "80000 bytes, want at most 65536"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, _, err := space.Import(c.text)
			if err == nil || !strings.HasPrefix(err.Error(), "space: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q (%s)", err, c.want, g.Text())
			}
		})
	}
}

func TestDARTSFormImportsBack(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	written := 0
	for range 1500 {
		g := randomGenotype(t, r, "seed-14", 4)
		for _, c := range []*space.Cell{&g.Normal, &g.Reduction} {
			for b := range c.Blocks {
				c.Blocks[b].Combine = space.Add
			}
			*c = explicit(r, *c)
		}
		text, err := g.DARTS()
		if err != nil {
			if !strings.Contains(fmt.Sprint(g), "dil3x3") ||
				!strings.Contains(err.Error(), "op dil3x3 cannot be written") {
				t.Fatalf("%s: %v", g.Text(), err)
			}
			continue
		}
		written++
		back, _, err := space.Import(text)
		if err != nil || back.Hash() != g.Hash() {
			t.Fatalf("%s\ncame back as %s, %v", text, back.Text(), err)
		}
	}
	if written < 200 {
		t.Errorf("only %d of 1500 could be written", written)
	}
	g := randomGenotype(t, r, "sep3x3", 1)
	g.Reduction.Blocks[0].Combine = space.Concat
	if _, err := g.DARTS(); err == nil || !strings.Contains(err.Error(),
		"block b0: combines by concat, which cannot be written") {
		t.Errorf("a concat block: %v", err)
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "  ", "found an empty string"},
		{"one cell only", "h.s5+p.s3 [0]", "looks like one cell, want both: normal=… reduction=…"},
		{"a typo", "nasnet-x", "no known cell"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := space.Parse(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	if g, err := space.Parse(" nasnet-a\n"); err != nil || g.Name != "nasnet-a" {
		t.Errorf("a name: %v, %v", g, err)
	}
}

// Whatever the text of another project, it is refused or read as a genotype within the limits; if it can be written
// back in that form, it means the same.
func FuzzImport(f *testing.F) {
	for _, s := range []string{dartsNASNet, dartsV1, dartsPNAS, enasArc, nniNASNet, nestedPairs,
		"Genotype(normal=[('none', 0)], normal_concat=range(2, 6))",
		"x = Genotype([('skip_connect',-1)],[2],[],range(0,66))", "9 9 9 9 9 9 9 99999999999999999999",
		"{'normal/op_2_0':[[[[[[[[1", "genotype = Genotype(normal=[('conv 3x3', 0), ('conv_1x1', 1)])"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, notes, err := space.Import(s)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "space: ") || len(err.Error()) > 2000 {
				t.Fatalf("error %q", err)
			}
			return
		}
		if len(s) > 64<<10 || g.Validate() != nil || len(notes) == 0 {
			t.Fatalf("%q is read as %s, %q", s, g.Text(), notes)
		}
		text, err := g.DARTS()
		if err != nil {
			t.Fatalf("%s, read from that form, cannot be written in it: %v", g.Text(), err)
		}
		back, _, err := space.Import(text)
		if err != nil || back.Hash() != g.Hash() {
			t.Fatalf("%s, written as %s, reads back as %s, %v", g.Text(), text, back.Text(), err)
		}
	})
}

func BenchmarkImportOfTheLargestNNIDict(b *testing.B) {
	var d strings.Builder
	d.WriteString("{'width':1")
	for i := 2; d.Len() < 63<<10; i++ {
		fmt.Fprintf(&d,
			",'normal/op_%d_0':'conv_1x1','normal/input_%[1]d_0':0"+
				",'normal/op_%[1]d_1':'conv_1x1','normal/input_%[1]d_1':0", i)
	}
	d.WriteString("}")
	for b.Loop() {
		if _, _, err := space.Import(d.String()); err == nil {
			b.Fatal("a cell of hundreds of blocks was read")
		}
	}
}
