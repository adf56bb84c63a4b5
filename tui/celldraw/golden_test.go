package celldraw_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"nasnet/nas/space"
	"nasnet/tui/celldraw"
)

var update = flag.Bool("update", false, "rewrite the golden files; read the diff")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func TestNASNetAInAllTiersAndLayouts(t *testing.T) {
	g := known(t, "nasnet-a")
	for _, tier := range tiers {
		for _, layout := range []struct {
			name string
			draw func(space.Cell, celldraw.Options) []celldraw.Line
		}{{"ladder", celldraw.Ladder}, {"paper", celldraw.Paper}, {"list", celldraw.List}} {
			normal := celldraw.Text(layout.draw(g.Normal, celldraw.Options{Tier: tier}))
			reduction := celldraw.Text(layout.draw(g.Reduction, celldraw.Options{Tier: tier, Reduction: true}))
			golden(t, "nasnet-a-"+layout.name+"-"+tier.String()+".txt", normal+"\n"+reduction)
		}
	}
	golden(t, "nasnet-a.svg", celldraw.SVG(g))
	golden(t, "nasnet-a.dot", celldraw.Dot(g))
}

func TestList(t *testing.T) {
	c := parse(t, "h.i+p.f7 0.s3&p.m7 [h1]")
	got := "\n" + celldraw.Text(celldraw.List(c, celldraw.Options{Reduction: true, Cursor: 3}))
	const want = `
b0.1  h[i]    identity/2
b0.2  h[i-1]  c1x7-7x1/2  add
b1.1  b0     [sep3x3]
b1.2  h[i-1]  max7x7/2    concat
out   h[i] b1
`
	if got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}

// arms lists the directions in which each sign of the paper layout continues. Text and contacts have no row.
var arms = map[rune]string{'│': "ud", '─': "lr", '╭': "dr", '╮': "dl", '╰': "ur", '╯': "ul", '├': "udr", '┤': "udl",
	'┬': "dlr", '┴': "ulr", '┼': "udlr"}

// In the paper layout every wire must continue in the next column or row, or end at a contact, a sign or a text. The
// picture must have one contact per operand and one junction per block.
func TestPaperWiresAreWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for i := range 500 {
		c := randomCell(r, 1+i%8)
		lines := celldraw.Paper(c, celldraw.Options{Reduction: i%2 == 0})
		w, h := celldraw.PaperSize(c)
		checkLines(t, lines, w, h, celldraw.Unicode)
		var g [][]rune
		for _, l := range lines {
			g = append(g, []rune(l.String()))
		}
		fail := func(format string, row, col int) {
			t.Fatalf("%s at row %d, column %d of %s\n%s", format, row, col, c.Text(), celldraw.Text(lines))
		}
		at := func(row, col int) rune {
			if row < 0 || row >= h || col < 0 || col >= w {
				return 0
			}
			return g[row][col]
		}
		for row := range g {
			for col, ch := range g[row] {
				a, ok := arms[ch]
				if !ok {
					continue
				}
				for _, d := range []struct {
					arm, back  string
					drow, dcol int
				}{{"u", "d", -1, 0}, {"d", "u", 1, 0}, {"l", "r", 0, -1}, {"r", "l", 0, 1}} {
					next := at(row+d.drow, col+d.dcol)
					na, wire := arms[next]
					switch has := strings.Contains(a, d.arm); {
					case has && next == 0:
						fail("a wire leaves the picture", row, col)
					case has && wire && !strings.Contains(na, d.back):
						fail("a wire breaks", row, col)
					case has && !wire && strings.Contains("ud", d.arm) && next != '●' && next != '⊕' && next != '⊞':
						fail("a wire ends in nothing", row, col)
					}
				}
			}
		}
		all := celldraw.Text(lines)
		contacts := 2 * len(c.Blocks)
		for s := 2; s < len(c.Blocks)+2; s++ {
			bands := map[int]bool{} // rails of a result: one per level that reads it
			depth := depths(c)
			for b, k := range c.Blocks {
				if k.In1 == s || k.In2 == s {
					bands[depth[2+b]] = true
				}
			}
			contacts += len(bands)
			for _, o := range c.Outputs() {
				if o == s {
					contacts++
				}
			}
		}
		if n := strings.Count(all, "●"); n != contacts {
			t.Fatalf("%d contacts, want %d in %s\n%s", n, contacts, c.Text(), all)
		}
		if n := strings.Count(all, "⊕") + strings.Count(all, "⊞"); n != len(c.Blocks) {
			t.Fatalf("%d junctions in %s\n%s", n, c.Text(), all)
		}
	}
}

func depths(c space.Cell) []int {
	d := make([]int, len(c.Blocks)+2)
	for b, k := range c.Blocks {
		d[2+b] = 1 + max(d[k.In1], d[k.In2])
	}
	return d
}

func TestPaperFitsItsScreen(t *testing.T) {
	g := known(t, "nasnet-a")
	for c, want := range map[*space.Cell][2]int{&g.Normal: {138, 9}, &g.Reduction: {138, 18}} {
		if w, h := celldraw.PaperSize(*c); w != want[0] || h != want[1] {
			t.Errorf("%s takes %dx%d, want %v", c.Text(), w, h, want)
		}
	}
}

func TestSVGIsWellFormedAndSelfContained(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for i := range 200 {
		g := space.Genotype{Name: `a <b> & "c"`, Normal: randomCell(r, 1+i%8), Reduction: randomCell(r, 1+i%5)}
		svg := celldraw.SVG(g)
		d := xml.NewDecoder(strings.NewReader(svg))
		count := map[string]int{}
		for {
			tok, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v in\n%s", err, svg)
			}
			if s, ok := tok.(xml.StartElement); ok {
				count[s.Name.Local]++
			}
		}
		blocks := len(g.Normal.Blocks) + len(g.Reduction.Blocks)
		if count["rect"] != 2*blocks+1 || count["script"]+count["image"]+count["a"]+count["style"] != 0 {
			t.Fatalf("%d blocks, elements %v", blocks, count)
		}
		if strings.Contains(strings.Replace(svg, `xmlns="http://www.w3.org/2000/svg"`, "", 1), "http") {
			t.Fatal("the picture refers to something outside")
		}
	}
}

func TestDotIsAGraph(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	edge := regexp.MustCompile(`(?m)^\t\t(\w+) -> (\w+);$`)
	node := regexp.MustCompile(`(?m)^\t\t(\w+) \[label=`)
	for range 200 {
		g := space.Genotype{Name: `a "b" \c`, Normal: randomCell(r, 5), Reduction: randomCell(r, 3)}
		text := celldraw.Dot(g)
		nodes := map[string]bool{}
		for _, m := range node.FindAllStringSubmatch(text, -1) {
			nodes[m[1]] = true
		}
		edges := edge.FindAllStringSubmatch(text, -1)
		for _, m := range edges {
			if !nodes[m[1]] || !nodes[m[2]] {
				t.Fatalf("edge %s between unknown nodes in\n%s", m[0], text)
			}
		}
		if want := 4*(5+3) + len(g.Normal.Outputs()) + len(g.Reduction.Outputs()); len(edges) != want ||
			len(nodes) != 3*(5+3)+6 {
			t.Fatalf("%d edges, want %d, %d nodes in\n%s", len(edges), want, len(nodes), text)
		}
	}
}

func TestGraphvizAcceptsDot(t *testing.T) {
	dot, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("no dot here")
	}
	g := known(t, "amoebanet-a")
	g.Name = `a "b" \c`
	cmd := exec.Command(dot, "-Tsvg")
	cmd.Stdin = strings.NewReader(celldraw.Dot(g))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil || strings.Contains(errs.String(), "rror") {
		t.Errorf("%v: %s", err, errs.String())
	}
}
