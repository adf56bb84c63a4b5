package celldraw_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"nasnet/nas/space"
	"nasnet/tui/celldraw"
)

var tiers = []celldraw.Tier{celldraw.Unicode, celldraw.CP437, celldraw.ASCII}

func known(t testing.TB, name string) space.Genotype {
	t.Helper()
	k, err := space.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return k.Genotype
}

func parse(t testing.TB, cell string) space.Cell {
	t.Helper()
	g, err := space.ParseText("normal=" + cell + " reduction=" + cell)
	if err != nil {
		t.Fatal(err)
	}
	return g.Normal
}

func TestLadderOfAChain(t *testing.T) {
	const want = `
 h[i-1]   h[i]
   │       │
   │       ●─────────────────────▸ sep3x3 ─────╮
   ●───────┼─────────────────────▸ identity ───⊕ b0
   │       │    ╭─ b0 ─────────────────────────╯
   │       │    ●────────────────▸ sep5x5 ─────╮
   ●───────┼────┼────────────────▸ dil3x3 ─────⊕ b1
           │    │    ╭─ b1 ────────────────────╯
           │    │    ●───────────▸ c1x7-7x1 ───╮
           │    ●────┼───────────▸ avg3x3 ─────⊕ b2
           │         │    ╭─ b2 ───────────────╯
           │         │    ●──────▸ max5x5 ─────╮
           ●─────────┼───────────▸ sep7x7 ─────⊕ b3
                     │         ╭─ b3 ──────────╯
                     │         ●─▸ conv3x3 ────╮
                     ●───────────▸ identity ───⊕─ b4 ───╮
                                                        ▾
                                                      concat ───▸ h[i+1]
`
	c := parse(t, "h.s3+p.i 0.s5+p.d3 1.f7+0.a3 2.m5+h.s7 3.c3+1.i")
	if got := "\n" + celldraw.Text(celldraw.Ladder(c, celldraw.Options{})); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}

func TestLadderOfRareCells(t *testing.T) {
	for _, c := range []struct {
		name, cell, want string
		o                celldraw.Options
	}{
		{"both inputs in the concat, a concat block, long strided names, a cursor",
			"h.i+p.f7 0.s3&p.m7 [hp1]", `
 h[i-1]   h[i]
   │       │
   │       ●──────▸ identity/2 ─╮
   ●───────┼──────▸[c1x7-7x1/2]─⊕ b0
   │       │    ╭─ b0 ──────────╯
   │       │    ●─▸ sep3x3 ─────╮
   ●───────┼──────▸ max7x7/2 ───⊞─ b1 ───╮
   │       │                             ▾
   ╰───────┴─────────────────────────▸ concat ───▸ h[i+1]
`, celldraw.Options{Reduction: true, Cursor: 2}},
		{"the same in ASCII", "h.i+p.f7 0.s3&p.m7 [hp1]", `
 h[i-1]   h[i]
   |       |
   |       *------> identity/2 -+
   *-------|------> c1x7-7x1/2 (+) b0
   |       |    +- b0 ----------+
   |       |    *-> sep3x3 -----+
   *-------|------> max7x7/2 --[&] b1 ---+
   |       |                             v
   +-------+-------------------------> concat ---> h[i+1]
`, celldraw.Options{Reduction: true, Tier: celldraw.ASCII}},
		{"an input that nothing reads has no rail; one that only the output reads has one", "h.i+h.i [h0]", `
 h[i-1]   h[i]
           │
           ●─▸ identity ───╮
           ●─▸ identity ───⊕─ b0 ───╮
           │                        ▾
           ╰────────────────────▸ concat ───▸ h[i+1]
`, celldraw.Options{}},
		{"a block that is read and concatenated runs both ways", "h.i+p.i 0.i+0.i [01]", `
 h[i-1]   h[i]
   |       |
   |       *------> identity ---+
   *--------------> identity --(+) b0 ---+
                +- b0 ----------+        |
                *-> identity ---+        |
                *-> identity --(+) b1 ---+
                                         v
                                       concat ---> h[i+1]
`, celldraw.Options{Tier: celldraw.ASCII}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := "\n" + celldraw.Text(celldraw.Ladder(parse(t, c.cell), c.o)); got != c.want {
				t.Errorf("got%s\nwant%s", got, c.want)
			}
		})
	}
}

func TestLadderWidths(t *testing.T) {
	// The chain of B blocks, where every block has a rail, is the widest.
	for b, want := range map[int]int{1: 52, 2: 57, 3: 62, 4: 67, 5: 72, 6: 77, 7: 76, 8: 80} {
		c := space.Cell{}
		for i := range b {
			c.Blocks = append(c.Blocks, space.Block{In1: 1 + i, Op1: "identity", In2: 0, Op2: "sep3x3",
				Combine: space.Add})
		}
		if w, h := celldraw.LadderSize(c); w != want || h != 3*b+3 {
			t.Errorf("the chain of %d blocks takes %dx%d, want %dx%d", b, w, h, want, 3*b+3)
		}
	}
	g := known(t, "nasnet-a")
	for c, want := range map[*space.Cell]int{&g.Normal: 52, &g.Reduction: 62} {
		if w, h := celldraw.LadderSize(*c); w != want || h != 18 {
			t.Errorf("%s takes %dx%d, want %dx18", c.Text(), w, h, want)
		}
	}
}

func randomCell(r *rand.Rand, blocks int) space.Cell {
	var c space.Cell
	for b := range blocks {
		op := func() string { return space.Ops[r.IntN(len(space.Ops))].Name }
		c.Blocks = append(c.Blocks, space.Block{In1: r.IntN(2 + b), Op1: op(), In2: r.IntN(2 + b), Op2: op(),
			Combine: []string{space.Add, space.Concat}[r.IntN(2)]})
	}
	if r.IntN(2) == 0 {
		list := c.LooseEnds()
		for s := range blocks + 2 {
			if r.IntN(3) == 0 && !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
		c.Concat = list
	}
	return c
}

// Ten thousand random cells, drawn in every tier, are read back by following the wires of the picture.
func TestLadderReadsBack(t *testing.T) {
	n := 10000
	if testing.Short() {
		n = 1000
	}
	r := rand.New(rand.NewPCG(1, 1))
	for i := range n {
		blocks := 5
		if i%4 < 2 {
			blocks = 1 + i/4%13
		}
		c := randomCell(r, blocks)
		want := c
		want.Concat = sorted(c.Outputs())
		for _, tier := range tiers {
			o := celldraw.Options{Tier: tier, Reduction: i%2 == 1, Cursor: r.IntN(2*blocks + 1)}
			lines := celldraw.Ladder(c, o)
			back, err := readLadder(lines, o)
			if err != nil {
				t.Fatalf("%s: %v\n%s", c.Text(), err, celldraw.Text(lines))
			}
			if !reflect.DeepEqual(back, want) {
				t.Fatalf("%s was drawn as %s\n%s", want.Text(), back.Text(), celldraw.Text(lines))
			}
			w, h := celldraw.LadderSize(c)
			if limit := 52 + 5*(blocks-1); blocks <= 6 && w > limit || blocks == 7 && w > 76 {
				t.Fatalf("%s is %d columns wide", c.Text(), w)
			}
			checkLines(t, lines, w, h, tier)
		}
	}
}

func sorted(s []int) []int {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

// checkLines checks that the lines fill w by h columns with glyphs of the tier.
func checkLines(t *testing.T, lines []celldraw.Line, w, h int, tier celldraw.Tier) {
	t.Helper()
	if len(lines) != h {
		t.Fatalf("%d lines, want %d", len(lines), h)
	}
	for _, l := range lines {
		s := l.String()
		if n := utf8.RuneCountInString(s); n != w {
			t.Fatalf("a line has %d columns, want %d: %s", n, w, s)
		}
		if tier == celldraw.Unicode {
			continue
		}
		for _, r := range s {
			if tier == celldraw.ASCII && r > 126 || tier == celldraw.CP437 && r > 126 &&
				!strings.ContainsRune("│─┌┐└┘├┤┬┴┼", r) {
				t.Fatalf("%q is not in the tier: %s", r, s)
			}
		}
	}
}

// reader follows the wires of a ladder.
type reader struct {
	g    [][]rune
	tier celldraw.Tier
}

func (r *reader) at(row, col int) rune {
	if row < 0 || row >= len(r.g) || col < 0 || col >= len(r.g[row]) {
		return ' '
	}
	return r.g[row][col]
}

// inTier maps glyphs of the Unicode tier to those of another.
var inTier = map[celldraw.Tier]map[rune]rune{
	celldraw.CP437: {'╭': '┌', '╮': '┐', '╰': '└', '╯': '┘', '●': 'o', '▸': '>', '▾': 'v'},
	celldraw.ASCII: {'╭': '+', '╮': '+', '╰': '+', '╯': '+', '┤': '+', '┴': '+', '┼': '|', '│': '|', '─': '-', '●': '*',
		'▸': '>', '▾': 'v'},
}

// is reports whether the glyph is one of the signs, given as in the Unicode tier.
func (r *reader) is(row, col int, signs string) bool {
	for _, s := range signs {
		if g, ok := inTier[r.tier][s]; ok {
			s = g
		}
		if r.at(row, col) == s {
			return true
		}
	}
	return false
}

// word reads text from (row, col) up to a blank.
func (r *reader) word(row, col int) string {
	w := ""
	for ; r.at(row, col) != ' ' && r.at(row, col) != ']'; col++ {
		w += string(r.at(row, col))
	}
	return w
}

// stateOf follows a rail up from (row, col) to the name of its state.
func (r *reader) stateOf(row, col int) (int, error) {
	for row--; row > 0; row-- {
		if r.is(row, col, "╭") && r.is(row, col+1, "─") {
			return r.block(r.word(row, col+3))
		}
		if !r.is(row, col, "│┼●") {
			return 0, fmt.Errorf("the rail at column %d breaks at row %d", col, row)
		}
	}
	head := string(r.g[0])
	for s := range 2 {
		name := space.StateName(s)
		if at := strings.Index(head, name); at <= col && col < at+len(name) {
			return s, nil
		}
	}
	return 0, fmt.Errorf("the rail at column %d has no name", col)
}

func (r *reader) block(name string) (int, error) {
	var b int
	if _, err := fmt.Sscanf(name, "b%d", &b); err != nil {
		return 0, fmt.Errorf("%q names no block", name)
	}
	return 2 + b, nil
}

func readLadder(lines []celldraw.Line, o celldraw.Options) (c space.Cell, err error) {
	r := &reader{tier: o.Tier}
	for _, l := range lines {
		r.g = append(r.g, []rune(l.String()))
	}
	end := len(r.g) - 1
	bus := strings.Index(string(r.g[end]), "concat")
	bus = len([]rune(string(r.g[end])[:bus])) + 2
	sums := 0
	for row := 2; row < end-1; row += 3 {
		b := len(c.Blocks)
		k := space.Block{Combine: space.Add}
		for i, in := range []*int{&k.In1, &k.In2} {
			col := 0
			for !r.is(row+i, col, "▸") {
				if col++; col == len(r.g[row]) {
					return c, fmt.Errorf("row %d has no arrow", row+i)
				}
			}
			for at := col - 1; ; at-- { // along the operand to its rail
				if r.is(row+i, at, "●") {
					if *in, err = r.stateOf(row+i, at); err != nil {
						return c, err
					}
					break
				}
				if !r.is(row+i, at, "─┼") {
					return c, fmt.Errorf("row %d: the operand breaks at column %d", row+i, at)
				}
			}
			if open := r.at(row+i, col+1) == '['; open != (o.Cursor == 2*b+i+1) {
				return c, fmt.Errorf("row %d: cursor is %v", row+i, open)
			}
			text := r.word(row+i, col+2)
			name, strided := strings.CutSuffix(text, "/2")
			if strided != (o.Reduction && *in < 2) {
				return c, fmt.Errorf("row %d: %s reads state %d", row+i, text, *in)
			}
			if name == "c1x3-3x1" || name == "c1x7-7x1" {
				name = strings.NewReplacer("c", "conv", "-", "_").Replace(name)
			}
			*[]*string{&k.Op1, &k.Op2}[i] = name
			at := col + 2 + len(text) + 1
			for r.is(row+i, at, "─") {
				at++
			}
			if i == 0 {
				sums = at
				if !r.is(row, at, "╮") {
					return c, fmt.Errorf("row %d: the first operand does not turn down", row)
				}
				continue
			}
			sign, from := string(r.g[row+1][sums]), sums
			if o.Tier != celldraw.Unicode {
				sign, from = string(r.g[row+1][sums-1:sums+2]), sums-1
			}
			if at != from {
				return c, fmt.Errorf("row %d: the second operand ends at column %d, the junction is at %d",
					row+1, at, from)
			}
			switch sign {
			case "⊕", "(+)":
			case "⊞", "[&]":
				k.Combine = space.Concat
			default:
				return c, fmt.Errorf("row %d: junction %q", row+1, sign)
			}
		}
		c.Blocks = append(c.Blocks, k)
		at := sums + 1
		for r.at(row+1, at) != 'b' {
			at++
		}
		name := r.word(row+1, at)
		if s, err := r.block(name); err != nil || s != 2+b {
			return c, fmt.Errorf("row %d: the junction is called %s", row+1, name)
		}
		at += len(name) + 1
		if !r.is(row+1, at, "─") {
			if r.is(row+1, bus, "╮┤") && o.Tier != celldraw.ASCII {
				return c, fmt.Errorf("row %d: something joins the bus", row+1)
			}
			continue
		}
		for r.is(row+1, at, "─") {
			at++
		}
		if at != bus || !r.is(row+1, bus, "╮┤") {
			return c, fmt.Errorf("row %d: the result ends at column %d, the bus is at %d", row+1, at, bus)
		}
		for down := row + 2; down < end-1; down++ {
			if !r.is(down, bus, "│┤") {
				return c, fmt.Errorf("the bus breaks at row %d", down)
			}
		}
		c.Concat = append(c.Concat, 2+b)
	}
	if !r.is(end-1, bus, "▾") {
		return c, fmt.Errorf("the bus has no arrow")
	}
	var inputs []int
	for at := bus - 5; at >= 0 && !r.is(end, at, " "); at-- {
		if r.is(end, at, "┴╰") {
			s, err := r.stateOf(end, at)
			if err != nil {
				return c, err
			}
			inputs = append(inputs, s)
		} else if !r.is(end, at, "─") {
			return c, fmt.Errorf("the last row breaks at column %d", at)
		}
	}
	c.Concat = append(sorted(inputs), c.Concat...)
	return c, nil
}

func TestEveryGlyphIsOneColumnWide(t *testing.T) {
	g := known(t, "amoebanet-c")
	g.Normal.Blocks[0].Combine = space.Concat
	for _, tier := range tiers {
		for _, lines := range [][]celldraw.Line{
			celldraw.Ladder(g.Normal, celldraw.Options{Tier: tier}),
			celldraw.Paper(g.Reduction, celldraw.Options{Tier: tier}),
		} {
			for _, l := range lines {
				if s := l.String(); ansi.StringWidth(s) != len([]rune(s)) {
					t.Errorf("%s: %d columns for %d characters", s, ansi.StringWidth(s), len([]rune(s)))
				}
			}
		}
	}
}

func TestSpansSayWhatTheyShow(t *testing.T) {
	c := known(t, "nasnet-a").Reduction
	lines := celldraw.Ladder(c, celldraw.Options{Reduction: true, Cursor: 3})
	seen := map[celldraw.Kind]int{}
	for row, l := range lines {
		b, operand, ok := l.Operand()
		if want := row >= 2 && row < 17 && (row-2)%3 < 2; ok != want ||
			ok && (b != (row-2)/3 || operand != (row-2)%3+1) {
			t.Errorf("row %d shows operand %d.%d, %v", row, b, operand, ok)
		}
		for _, s := range l.Spans {
			seen[s.Kind]++
			if s.Text == "" {
				t.Errorf("row %d has an empty span", row)
			}
			switch s.Kind {
			case celldraw.Operation:
				name := []string{c.Blocks[s.Block].Op1, c.Blocks[s.Block].Op2}[s.Operand-1]
				op, _ := space.OpByName(name)
				if s.Family != op.Family || !strings.HasPrefix(s.Text, name) {
					t.Errorf("row %d: %+v shows %s", row, s, name)
				}
			case celldraw.Contact:
				if s.Text != "●" {
					t.Errorf("row %d: contact %q", row, s.Text)
				}
			case celldraw.Junction:
				if s.Text != "⊕" || s.Block != b {
					t.Errorf("row %d: junction %+v", row, s)
				}
			}
		}
	}
	for k, want := range map[celldraw.Kind]int{celldraw.Operation: 10, celldraw.Junction: 5, celldraw.Contact: 10,
		celldraw.Mark: 2, celldraw.Output: 2} {
		if seen[k] != want {
			t.Errorf("%d spans of kind %d, want %d", seen[k], k, want)
		}
	}
}

func TestInvalidCellsDoNotPanic(t *testing.T) {
	for _, c := range []space.Cell{
		{}, {Blocks: []space.Block{{}}}, {Blocks: []space.Block{{In1: -1, In2: 99, Op1: strings.Repeat("x", 50)}},
			Concat: []int{-1, 0, 77}},
		{Blocks: []space.Block{{In2: 1}, {In1: 2, In2: 3}}, Concat: []int{1}},
	} {
		for _, tier := range tiers {
			o := celldraw.Options{Tier: tier, Reduction: true, Cursor: 100}
			celldraw.Ladder(c, o)
			celldraw.Paper(c, o)
			celldraw.List(c, o)
			g := space.Genotype{Name: `"<&`, Normal: c, Reduction: c}
			celldraw.SVG(g)
			celldraw.Dot(g)
		}
	}
}

func BenchmarkLadder(b *testing.B) {
	c := known(b, "nasnet-a").Reduction
	b.ReportAllocs()
	for b.Loop() {
		celldraw.Ladder(c, celldraw.Options{Reduction: true})
	}
}
