package space

import (
	"math/rand/v2"
	"testing"
)

// The budget must be far from what wirings of a size that anyone searches take: one op and few inputs make the most symmetries.
func TestLabellingStaysFarBelowItsBudget(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct{ blocks, limit int }{{5, 30}, {12, 300}, {20, 1000}} {
		worst, at := 0, ""
		for range 1000 {
			k := Cell{Blocks: make([]Block, c.blocks)}
			layer := 1 + r.IntN(c.blocks) // blocks of the first layer all read the inputs, so they are twins
			inputs := 1 + r.IntN(2)
			for b := range k.Blocks {
				in := func() int {
					if b < layer {
						return r.IntN(inputs)
					}
					return 2 + r.IntN(layer)
				}
				k.Blocks[b] = Block{In1: in(), Op1: "identity", In2: in(), Op2: "identity", Combine: Add}
			}
			l := newLabelling(k)
			l.search(l.refine(l.start()))
			if used := labellingBudget - l.budget; used > worst {
				worst, at = used, k.Text()
			}
		}
		t.Logf("%d blocks: at most %d refinements, for %s", c.blocks, worst, at)
		if worst > c.limit {
			t.Errorf("%d blocks: %d refinements, want at most %d, for %s", c.blocks, worst, c.limit, at)
		}
	}
}
