package cli

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nasnet/nas/child"
	"nasnet/nas/space"
	"nasnet/tui/celldraw"
)

// An op of a known family is one row: with it, its cells can be read, written, drawn, counted and built.
func TestAnOpOfAKnownFamilyIsARow(t *testing.T) {
	was := space.Ops
	t.Cleanup(func() { space.Ops = was })
	space.Ops = append(slices.Clone(was), space.Op{Name: "sep9x9", Short: "s9", Label: "sep 9x9",
		Family: space.Separable, Kernel: 9})

	const text = "normal=h.s9+p.i [0] reduction=h.s9&p.s9 [0]"
	g, err := space.Parse(text)
	if err != nil || g.Text() != text || g.Normal.Blocks[0].Op1 != "sep9x9" {
		t.Fatalf("%s reads as %s, %v", text, g.Text(), err)
	}
	sp, err := space.New("identity,sep9x9", 1)
	if err != nil {
		t.Fatal(err)
	}
	choices, err := sp.Encode(g)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := sp.Decode(choices); err != nil || again.Hash() != g.Hash() {
		t.Errorf("it is encoded as %v and decoded as %s, %v", choices, again.Text(), err)
	}
	edge := "" // of its family in pictures
	if row, ok := space.Separable.Row(); ok {
		edge = row.Edge
	}
	for form, drawn := range map[string]string{
		"ladder": celldraw.Text(celldraw.Ladder(g.Normal, celldraw.Options{})),
		"svg":    celldraw.SVG(g),
		"dot":    celldraw.Dot(g),
	} {
		if name := regexp.MustCompile("sep ?9[x×]9"); !name.MatchString(drawn) ||
			form != "ladder" && !strings.Contains(drawn, edge) {
			t.Errorf("as %s it is\n%s", form, drawn)
		}
	}
	net := child.NetConfig{N: 1, Filters: 4, Image: 8}
	larger, err := child.CostOf(g, net)
	if err != nil {
		t.Fatal(err)
	}
	smaller, err := child.CostOf(mustParse(t, strings.ReplaceAll(text, "s9", "s7")), net)
	if err != nil || larger.Params <= smaller.Params {
		t.Errorf("it has %d parameters, as 7x7 %d (%v)", larger.Params, smaller.Params, err)
	}
	if r, err := child.Bench(g, net, child.BenchOptions{Batch: 2, Threads: 1, Seconds: 0.01}); err != nil ||
		r.TrainImagesPerS <= 0 {
		t.Errorf("it trains at %v images/s: %v", r.TrainImagesPerS, err)
	}
}

func mustParse(t *testing.T, text string) space.Genotype {
	t.Helper()
	g, err := space.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestTheGuideCountsTheOps(t *testing.T) {
	counts := regexp.MustCompile(`all (\d+)\s+ops`).FindAllStringSubmatch(topicText("measurements"), -1)
	if len(counts) == 0 {
		t.Error("the measurements do not say how many ops there are")
	}
	for _, c := range counts {
		if c[1] != strconv.Itoa(len(space.Ops)) {
			t.Errorf("the measurements say %q; there are %d", c[0], len(space.Ops))
		}
	}
}
