package space_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"nasnet/nas/space"
)

// shuffled rewrites c without changing its meaning: it reorders blocks so that each still comes after what it reads,
// swaps operands, reorders the concat list, and spells it out where the rule would do.
func shuffled(r *rand.Rand, c space.Cell) space.Cell {
	n := len(c.Blocks)
	place := make([]int, n) // new place of block b
	done := make([]bool, n)
	for at := range n {
		var ready []int
		for b, k := range c.Blocks {
			ok := func(in int) bool { return in < 2 || done[in-2] }
			if !done[b] && ok(k.In1) && ok(k.In2) {
				ready = append(ready, b)
			}
		}
		b := ready[r.IntN(len(ready))]
		place[b], done[b] = at, true
	}
	to := func(s int) int {
		if s < 2 {
			return s
		}
		return 2 + place[s-2]
	}
	out := space.Cell{Blocks: make([]space.Block, n)}
	for b, k := range c.Blocks {
		k.In1, k.In2 = to(k.In1), to(k.In2)
		if r.IntN(2) == 0 {
			k.In1, k.Op1, k.In2, k.Op2 = k.In2, k.Op2, k.In1, k.Op1
		}
		out.Blocks[place[b]] = k
	}
	if len(c.Concat) > 0 || r.IntN(2) == 0 {
		for _, s := range c.Outputs() {
			out.Concat = append(out.Concat, to(s))
		}
		r.Shuffle(len(out.Concat), func(i, j int) { out.Concat[i], out.Concat[j] = out.Concat[j], out.Concat[i] })
	}
	return out
}

func TestIsomorphicGenotypesHaveOneCanonicalForm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, ops := range []string{"seed-14", "light", "sep3x3"} { // with one op there are many symmetries
		for i := range 800 {
			g := randomGenotype(t, r, ops, 1+i%12)
			g.Name = "a"
			g.Normal, g.Reduction = explicit(r, g.Normal), explicit(r, g.Reduction)
			h := space.Genotype{Name: "b", Normal: shuffled(r, g.Normal), Reduction: shuffled(r, g.Reduction)}
			if err := h.Validate(); err != nil {
				t.Fatalf("shuffled %s: %v", h.Text(), err)
			}
			c := g.Canonical()
			if !reflect.DeepEqual(c, h.Canonical()) || g.Hash() != h.Hash() {
				t.Fatalf("%s\nand its shuffled form\n%s\nbecame\n%s\n%s", g.Text(), h.Text(), c.Text(),
					h.Canonical().Text())
			}
			if c.Name != "" || c.Validate() != nil || !reflect.DeepEqual(c, c.Canonical()) {
				t.Fatalf("the canonical form %s is not fixed", c.Text())
			}
		}
	}
}

// least finds the canonical form by brute force: the smallest text over all orders of the blocks.
func least(c space.Cell) string {
	best := ""
	n := len(c.Blocks)
	place := make([]int, n)
	var walk func(at, used int)
	walk = func(at, used int) {
		if at < n {
			for b := range n {
				k := c.Blocks[b]
				ok := func(in int) bool { return in < 2 || used&(1<<(in-2)) != 0 }
				if used&(1<<b) == 0 && ok(k.In1) && ok(k.In2) {
					place[b] = at
					walk(at+1, used|1<<b)
				}
			}
			return
		}
		to := func(s int) int {
			if s < 2 {
				return s
			}
			return 2 + place[s-2]
		}
		out := space.Cell{Blocks: make([]space.Block, n)}
		for b, k := range c.Blocks {
			k.In1, k.In2 = to(k.In1), to(k.In2)
			if k.In1 > k.In2 || k.In1 == k.In2 && k.Op1 > k.Op2 {
				k.In1, k.Op1, k.In2, k.Op2 = k.In2, k.Op2, k.In1, k.Op1
			}
			out.Blocks[place[b]] = k
		}
		in := map[int]bool{}
		for _, s := range c.Outputs() {
			in[to(s)] = true
		}
		for s := range n + 2 {
			if in[s] {
				out.Concat = append(out.Concat, s)
			}
		}
		if t := out.Text(); best == "" || t < best {
			best = t
		}
	}
	walk(0, 0)
	return best
}

// Two cells have the same canonical form exactly if brute force gives the same: all cells of 1 to 3 blocks over two ops
// and both combines with every valid concat list, and all wirings of 4 and many of 5 blocks with one op.
func TestCanonicalFormAgainstBruteForce(t *testing.T) {
	forms := map[string]string{} // canonical text -> brute force
	back := map[string]string{}
	cells := 0
	check := func(c space.Cell) {
		cells++
		canon, brute := c.Canonical().Text(), least(c)
		if b, ok := forms[canon]; ok && b != brute {
			t.Fatalf("%s: canonical form %s is shared with a cell that is not isomorphic, %s", c.Text(), canon, b)
		}
		if f, ok := back[brute]; ok && f != canon {
			t.Fatalf("%s: canonical form %s, but an isomorphic cell has %s", c.Text(), canon, f)
		}
		forms[canon], back[brute] = brute, canon
	}
	var walk func(c space.Cell, b int, ops, combines []string, lists bool, keep func() bool)
	walk = func(c space.Cell, b int, ops, combines []string, lists bool, keep func() bool) {
		if b == len(c.Blocks) {
			if !keep() {
				return
			}
			check(c)
			if !lists {
				return
			}
			for set := 1; set < 1<<(b+2); set++ {
				e := c
				for s := range b + 2 {
					if set&(1<<s) != 0 {
						e.Concat = append(e.Concat, s)
					}
				}
				if (space.Genotype{Normal: e, Reduction: e}).Validate() == nil {
					check(e)
				}
			}
			return
		}
		for i := range 2 + b {
			for j := range 2 + b {
				for _, x := range ops {
					for _, y := range ops {
						for _, k := range combines {
							c.Blocks[b] = space.Block{In1: i, Op1: x, In2: j, Op2: y, Combine: k}
							walk(c, b+1, ops, combines, lists, keep)
						}
					}
				}
			}
		}
	}
	always := func() bool { return true }
	both, one := []string{"identity", "sep3x3"}, []string{"sep3x3"}
	r := rand.New(rand.NewPCG(2, 2))
	walk(space.Cell{Blocks: make([]space.Block, 1)}, 0, both, []string{space.Add, space.Concat}, true, always)
	walk(space.Cell{Blocks: make([]space.Block, 2)}, 0, both, []string{space.Add, space.Concat}, true, always)
	walk(space.Cell{Blocks: make([]space.Block, 3)}, 0, both, []string{space.Add}, false, always)
	walk(space.Cell{Blocks: make([]space.Block, 3)}, 0, one, []string{space.Add}, true, always)
	walk(space.Cell{Blocks: make([]space.Block, 4)}, 0, one, []string{space.Add}, false, always)
	walk(space.Cell{Blocks: make([]space.Block, 5)}, 0, one, []string{space.Add}, false,
		func() bool { return r.IntN(100) == 0 })
	t.Logf("%d cells, %d classes", cells, len(forms))
}

func TestDifferentCellsHaveDifferentHashes(t *testing.T) {
	base := cell(t, "h.s5+p.s3 p.s5+p.s3 0.a3+p.i 1.a3+p.a3 0.s3+h.i")
	hash := func(c space.Cell) string { return space.Genotype{Normal: c, Reduction: base}.Hash() }
	seen := map[string]string{hash(base): "the cell itself"}
	for what, text := range map[string]string{
		"the two inputs swapped":                "p.s5+h.s3 h.s5+h.s3 0.a3+h.i 1.a3+h.a3 0.s3+p.i",
		"another op":                            "h.s5+p.s3 p.s5+p.s3 0.a3+p.i 1.a3+p.a3 0.s7+h.i",
		"ops swapped between the operands":      "h.s3+p.s5 p.s5+p.s3 0.a3+p.i 1.a3+p.a3 0.s3+h.i",
		"another input":                         "h.s5+p.s3 p.s5+p.s3 1.a3+p.i 1.a3+p.a3 0.s3+h.i",
		"one combine":                           "h.s5+p.s3 p.s5+p.s3 0.a3&p.i 1.a3+p.a3 0.s3+h.i",
		"an input in the concat":                "h.s5+p.s3 p.s5+p.s3 0.a3+p.i 1.a3+p.a3 0.s3+h.i [p234]",
		"the other input in the concat":         "h.s5+p.s3 p.s5+p.s3 0.a3+p.i 1.a3+p.a3 0.s3+h.i [h234]",
		"a block that is read in the concat":    "h.s5+p.s3 p.s5+p.s3 0.a3+p.i 1.a3+p.a3 0.s3+h.i [0234]",
		"another such block in the concat":      "h.s5+p.s3 p.s5+p.s3 0.a3+p.i 1.a3+p.a3 0.s3+h.i [1234]",
		"a twin read instead of the same twice": "h.s3+p.s3 h.s3+p.s3 0.i+1.i h.i+h.i h.i+p.i",
		"the same read twice instead of a twin": "h.s3+p.s3 h.s3+p.s3 0.i+0.i h.i+h.i h.i+p.i",
		"one block fewer":                       "h.s5+p.s3 p.s5+p.s3 0.a3+p.i 1.a3+p.a3",
		"twins, one with two readers":           "h.s3+p.s3 h.s3+p.s3 0.i+h.i 0.i+p.i 1.i+h.i",
		"twins, one with two readers of a kind": "h.s3+p.s3 h.s3+p.s3 0.i+h.i 0.i+h.i 1.i+p.i",
	} {
		h := hash(cell(t, text))
		if by, ok := seen[h]; ok {
			t.Errorf("%s and %s have the same hash", what, by)
		}
		seen[h] = what
	}
	if a, b := (space.Genotype{Normal: base, Reduction: cell(t, "h.i+p.i")}),
		(space.Genotype{Normal: cell(t, "h.i+p.i"), Reduction: base}); a.Hash() == b.Hash() {
		t.Error("swapping the two cells does not change the hash")
	}
}

// Hashes are stored in runs, so they must never change.
func TestHashIsStable(t *testing.T) {
	k, _ := space.Lookup("nasnet-a")
	want := "a9be734d843e538b20c8b20e496668e325c44025f5a3156e37d6b3eee75f8bb5"
	if got := k.Genotype.Hash(); got != want {
		t.Errorf("hash of NASNet-A is %s, want %s", got, want)
	}
	if got := k.Genotype.ShortHash(); got != want[:6] {
		t.Errorf("short hash %s", got)
	}
}

// Cells made to be hard: many blocks that look alike to refinement.
func TestCanonicalFormOfHostileCellsIsQuick(t *testing.T) {
	chain := func(n int, block func(b int) space.Block) space.Cell {
		c := space.Cell{Blocks: make([]space.Block, n)}
		for b := range c.Blocks {
			c.Blocks[b] = block(b)
			c.Blocks[b].Op1, c.Blocks[b].Op2, c.Blocks[b].Combine = "identity", "identity", space.Add
		}
		return c
	}
	// graph has a block of the same kind for each of n vertices, then one for each edge, which reads its ends: two
	// hexadecimal digits.
	graph := func(n int, edges string) space.Cell {
		es := strings.Fields(edges)
		vertex := func(c byte) int { return 2 + strings.IndexByte("0123456789abcdef", c) }
		return chain(n+len(es), func(b int) space.Block {
			if b < n {
				return space.Block{}
			}
			return space.Block{In1: vertex(es[b-n][0]), In2: vertex(es[b-n][1])}
		})
	}
	r := rand.New(rand.NewPCG(3, 3))
	perm := r.Perm(32)
	for name, c := range map[string]space.Cell{
		"64 blocks all the same": chain(64, func(int) space.Block { return space.Block{} }),
		"32 twins read in pairs by a ring": chain(64, func(b int) space.Block {
			if b < 32 {
				return space.Block{}
			}
			return space.Block{In1: 2 + b - 32, In2: 2 + (b-31)%32}
		}),
		"32 twins read in random pairs, each twice": chain(64, func(b int) space.Block {
			if b < 32 {
				return space.Block{}
			}
			return space.Block{In1: 2 + b - 32, In2: 2 + perm[b-32]}
		}),
		"a ladder of twins": chain(64, func(b int) space.Block {
			if b < 2 {
				return space.Block{}
			}
			return space.Block{In1: b - b%2, In2: b - b%2 + 1}
		}),
		"a ring of 24 twins with its diameters": chain(60, func(b int) space.Block {
			switch e := b - 24; {
			case e < 0:
				return space.Block{}
			case e < 24:
				return space.Block{In1: 2 + e, In2: 2 + (e+1)%24}
			default:
				return space.Block{In1: 2 + e - 24, In2: 2 + e - 12}
			}
		}),
		"a prism and a complete bipartite graph": graph(12, "01 12 20 34 45 53 03 14 25 69 6a 6b 79 7a 7b 89 8a 8b"),
		"a cubic graph without symmetry":         graph(12, "01 12 23 34 45 56 67 78 89 9a ab b0 02 17 39 4a 5b 68"),
		"the Petersen graph":                     graph(10, "01 12 23 34 40 05 16 27 38 49 57 79 96 68 85"),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			want := c.Canonical()
			for range 5 {
				if got := shuffled(r, c).Canonical(); !reflect.DeepEqual(got, want) {
					t.Errorf("the shuffled cell has another form")
				}
			}
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %v", d)
			} else {
				t.Log(d)
			}
		})
	}
}

func BenchmarkHash(b *testing.B) {
	g := randomGenotype(b, rand.New(rand.NewPCG(4, 4)), "seed-14", 5)
	b.ReportAllocs()
	for b.Loop() {
		_ = g.Hash()
	}
}
