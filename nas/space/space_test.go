package space_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"nasnet/nas/space"
)

func TestSizeOfTheSpace(t *testing.T) {
	for _, c := range []struct {
		ops        string
		cell, pair float64 // number of cells, of genotypes
		nats       float64 // largest entropy of a policy
	}{
		{"seed-14", 4.80e18, 2.3e37, 86.03},
		{"paper-13", 2.29e18, 5.2e36, 84.55},
	} {
		s, err := space.New(c.ops, 5)
		if err != nil {
			t.Fatal(err)
		}
		size := 0.0
		for _, a := range s.Arities() {
			size += math.Log(float64(a))
		}
		if got := math.Exp(size / 2); math.Abs(got/c.cell-1) > 0.002 {
			t.Errorf("%s: %.3g cells, want %.3g", c.ops, got, c.cell)
		}
		if got := math.Exp(size); math.Abs(got/c.pair-1) > 0.02 {
			t.Errorf("%s: %.3g genotypes, want %.3g", c.ops, got, c.pair)
		}
		if math.Abs(size-c.nats) > 0.005 {
			t.Errorf("%s: largest entropy %.3f nats, want %.2f", c.ops, size, c.nats)
		}
	}
}

func TestDecisions(t *testing.T) {
	s, err := space.New("paper-13", 5)
	if err != nil {
		t.Fatal(err)
	}
	ds := s.Decisions()
	if len(ds) != 50 {
		t.Fatalf("%d decisions, want 50 as in the paper", len(ds))
	}
	for i, want := range map[int]string{
		0:  "normal b0.in1 2 [h[i] h[i-1]]",
		1:  "normal b0.in2 2 [h[i] h[i-1]]",
		11: "normal b2.in2 4 [h[i] h[i-1] b0 b1]",
		29: "reduction b0.combine 2 [add concat]",
		45: "reduction b4.in1 6 [h[i] h[i-1] b0 b1 b2 b3]",
	} {
		if got := fmt.Sprintf("%s %d %v", ds[i].Name, ds[i].Arity, ds[i].Labels); got != want {
			t.Errorf("decision %d is %s, want %s", i, got, want)
		}
	}
	if ds[2].Name != "normal b0.op1" || ds[2].Arity != 13 || ds[2].Labels[12] != "sep7x7" {
		t.Errorf("decision 2 is %+v", ds[2])
	}
	for i, a := range s.Arities() {
		if a != ds[i].Arity || a != len(ds[i].Labels) {
			t.Errorf("%s: arity %d, in the list %d, with %d labels", ds[i].Name, a, ds[i].Arity, len(ds[i].Labels))
		}
	}
}

func TestEncodeInvertsDecode(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, ops := range []string{"seed-14", "paper-13", "light", "sep3x3", "max7x7,identity,conv1x7_7x1"} {
		for _, blocks := range []int{1, 2, 3, 4, 5, 6, 7, 10, 13, 64} {
			s, err := space.New(ops, blocks)
			if err != nil {
				t.Fatal(err)
			}
			for range 50 {
				ch := s.Random(r)
				g, err := s.Decode(ch)
				if err != nil {
					t.Fatalf("%s, %d blocks: %v: %v", ops, blocks, ch, err)
				}
				if err := g.Validate(); err != nil {
					t.Fatalf("%v decodes to an invalid genotype: %v", ch, err)
				}
				back, err := s.Encode(g)
				if err != nil || !reflect.DeepEqual(back, ch) {
					t.Fatalf("%v came back as %v, %v", ch, back, err)
				}
			}
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	s, _ := space.New("light", 2)
	good := make([]int, 20)
	if _, err := s.Decode(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name    string
		choices []int
		want    string
	}{
		{"too few", good[:19], "decode: 19 choices, want 20 (2 blocks)"},
		{"too many", append(good[:20:20], 0), "decode: 21 choices"},
		{"one too large", append(append([]int{}, good[:12]...), 5, 0, 0, 0, 0, 0, 0, 0),
			"reduction b0.op1 is 5, want 0 to 4"},
		{"one negative", append([]int{-1}, good[1:]...), "normal b0.in1 is -1, want 0 to 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := s.Decode(c.choices); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestEncodeRefuses(t *testing.T) {
	seed, _ := space.New("seed-14", 5)
	light, _ := space.New("light", 5)
	three, _ := space.New("seed-14", 3)
	nasnet, _ := space.Lookup("nasnet-a")
	strict := nasnet.Genotype.Clone()
	strict.Normal.Concat, strict.Reduction.Concat = nil, nil
	for _, c := range []struct {
		name string
		s    space.Space
		g    space.Genotype
		want string
	}{
		{"an explicit concat list that breaks the rule", seed, nasnet.Genotype,
			"normal cell: its explicit concat list is [1 2 3 4 5 6], want [2 3 4 5 6] by the rule of the space"},
		{"an op outside the set", light, strict, "reduction cell: block b0: op2 is sep7x7, want one of the space's: " +
			"identity avg3x3 max3x3 sep3x3 sep5x5"},
		{"another number of blocks", three, strict, "normal cell: has 5 blocks, want 3"},
		{"an invalid genotype", seed, space.Genotype{}, "normal cell: has 0 blocks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := c.s.Encode(c.g); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	if _, err := seed.Encode(strict); err != nil {
		t.Errorf("NASNet-A by the strict rule: %v", err)
	}
	strict.Normal.Concat = []int{6, 5, 4, 3, 2} // the rule's own states in another order
	if _, err := seed.Encode(strict); err != nil {
		t.Errorf("an explicit list of the loose ends: %v", err)
	}
}

func TestEveryOpSetMakesASpace(t *testing.T) {
	for _, set := range space.OpSets {
		s, err := space.New(set.Name, 5)
		if err != nil || s.Validate() != nil || !reflect.DeepEqual(s.Ops, set.Ops) {
			t.Errorf("%s: %v, %v", set.Name, s, err)
		}
	}
	for _, s := range []space.Space{{}, {Blocks: 5}, {Ops: []string{"sep3x3"}},
		{Ops: []string{"sep3x3", "sep3x3"}, Blocks: 5}, {Ops: []string{"s3"}, Blocks: 5}} {
		if s.Validate() == nil {
			t.Errorf("%+v is valid", s)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		ops    string
		blocks int
	}{{"seed-14", 0}, {"seed-14", 65}, {"seed-14", -1}, {"nope", 5}} {
		if _, err := space.New(c.ops, c.blocks); err == nil || !strings.HasPrefix(err.Error(), "space: ") {
			t.Errorf("New(%q, %d): %v", c.ops, c.blocks, err)
		}
	}
}

// The share of cells with 1 to 5 loose ends depends only on the inputs, so it can be counted: 518,400 choices of ten
// inputs.
func TestLooseEndsOfUniformSampling(t *testing.T) {
	var count [6]int
	total := 0
	c := space.Cell{Blocks: make([]space.Block, 5)}
	var walk func(b int)
	walk = func(b int) {
		if b == len(c.Blocks) {
			count[len(c.LooseEnds())]++
			total++
			return
		}
		for i := range 2 + b {
			for j := range 2 + b {
				c.Blocks[b].In1, c.Blocks[b].In2 = i, j
				walk(b + 1)
			}
		}
	}
	walk(0)
	var share [6]float64
	// measured by sampling elsewhere: 7.7, 42.8, 41.1, 8.2, 0.2
	for n, want := range []float64{0, 7.77, 42.81, 41.25, 7.97, 0.20} {
		share[n] = float64(count[n]) / float64(total)
		if math.Abs(100*share[n]-want) > 0.006 {
			t.Errorf("%d loose ends in %.3f %% of cells, want %.2f %%", n, 100*share[n], want)
		}
	}

	s, _ := space.New("seed-14", 5)
	r := rand.New(rand.NewPCG(5, 6))
	const n = 20000
	var seen [6]int
	for range n {
		g, err := s.Decode(s.Random(r))
		if err != nil {
			t.Fatal(err)
		}
		seen[len(g.Normal.LooseEnds())]++
	}
	var chi2 float64
	for k := 1; k <= 5; k++ {
		e := share[k] * n
		chi2 += (float64(seen[k]) - e) * (float64(seen[k]) - e) / e
	}
	if chi2 > 18.5 { // 4 degrees of freedom, p = 0.001
		t.Errorf("Random gives loose ends %v of %d, chi squared %.1f", seen, n, chi2)
	}
}

func TestRandomIsUniformInEveryDecision(t *testing.T) {
	s, _ := space.New("seed-14", 5)
	r := rand.New(rand.NewPCG(7, 8))
	as := s.Arities()
	const n = 14000
	count := make([][]int, len(as))
	for i, a := range as {
		count[i] = make([]int, a)
	}
	for range n {
		for i, c := range s.Random(r) {
			count[i][c]++
		}
	}
	for i, a := range as {
		want := float64(n) / float64(a)
		for c, k := range count[i] {
			if math.Abs(float64(k)-want) > 5*math.Sqrt(want) {
				t.Errorf("%s: choice %d was drawn %d times, want about %.0f", s.Decisions()[i].Name, c, k, want)
			}
		}
	}
}

func TestMutateChangesOneDecision(t *testing.T) {
	for _, ops := range []string{"seed-14", "sep3x3"} { // one op: the op decisions have no other value
		s, _ := space.New(ops, 3)
		r := rand.New(rand.NewPCG(9, 10))
		as := s.Arities()
		start := s.Random(r)
		before := append([]int(nil), start...)
		changed := make([]map[int]int, len(as))
		for i := range changed {
			changed[i] = map[int]int{}
		}
		const n = 20000
		for range n {
			m := s.Mutate(r, start)
			if _, err := s.Decode(m); err != nil {
				t.Fatal(err)
			}
			diffs := 0
			for i := range m {
				if m[i] != start[i] {
					diffs++
					changed[i][m[i]]++
				}
			}
			if diffs != 1 {
				t.Fatalf("%d decisions changed", diffs)
			}
		}
		if !reflect.DeepEqual(before, start) {
			t.Fatal("Mutate changed its argument")
		}
		for i, a := range as {
			if len(changed[i]) != a-1 {
				t.Errorf("%s, %s: %d other values were seen, want %d", ops, s.Decisions()[i].Name, len(changed[i]), a-1)
			}
		}
	}
}

func TestDiff(t *testing.T) {
	a, _ := space.Lookup("nasnet-a")
	b := a.Genotype.Clone()
	b.Normal.Blocks[2].Op2 = "sep7x7"
	b.Normal.Blocks[3].In1 = 3
	b.Reduction.Blocks[0].Combine = space.Concat
	b.Reduction.Concat = []int{6, 5, 4, 2, 3}
	b.Normal.Concat = []int{6, 5, 4, 3, 2, 1} // the same states
	b.Reduction.Blocks = append(b.Reduction.Blocks,
		space.Block{In1: 0, Op1: "identity", In2: 4, Op2: "sep3x3", Combine: "add"})
	b.Reduction.Concat = append(b.Reduction.Concat, 7)
	var got []string
	for _, d := range space.Diff(a.Genotype, b) {
		got = append(got, d.String())
	}
	want := []string{
		"normal b2.op2: identity, sep7x7",
		"normal b3.in1: h[i-1], b1",
		"reduction b0.combine: add, concat",
		"reduction b5.block: none, h.i+2.s3",
		"reduction concat: [1234], [432015]",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if d := space.Diff(b, b); len(d) != 0 {
		t.Errorf("a genotype differs from itself: %v", d)
	}
}
