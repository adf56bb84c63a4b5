package celldraw

import (
	"encoding/xml"
	"fmt"
	"strings"

	"nasnet/nas/space"
)

// colours of the families in pictures: pale fills and darker edges that also differ in grey.
var colours = map[space.Family]struct{ fill, edge string }{
	space.Identity:   {"#ffffff", "#8a8a8a"},
	space.Conv:       {"#dce8f7", "#3f6ea6"},
	space.Factorized: {"#cfe3ec", "#2f7f95"},
	space.Dilated:    {"#e4dcf3", "#7254a8"},
	space.Separable:  {"#fdebc8", "#b97a14"},
	space.AvgPool:    {"#dcefd9", "#4b8b3b"},
	space.MaxPool:    {"#f6d9d3", "#b04a35"},
	"":               {"#eeeeee", "#555555"},
}

// Units of the picture: pixels of a column and a row of the paper layout.
const (
	svgX, svgY   = 8, 17
	svgPad       = 16
	svgTitle     = 28 // above a cell
	svgFontSize  = 13
	svgWireColor = "#444444"
)

// SVG draws both cells in the paper layout as one self-contained picture: no script, no link, no font of its own.
func SVG(g space.Genotype) string {
	normal, reduction := newScene(g.Normal), newScene(g.Reduction)
	w := max(normal.w, reduction.w)*svgX + 2*svgPad + 10*svgX
	h := (normal.h+reduction.h)*svgY + 2*svgTitle + 3*svgPad
	var s strings.Builder
	fmt.Fprintf(&s, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="Helvetica, Arial, sans-serif" font-size="%d">`+"\n",
		w, h, w, h, svgFontSize)
	if g.Name != "" {
		fmt.Fprintf(&s, "<title>%s</title>\n", escape(g.Name))
	}
	fmt.Fprintf(&s, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", w, h)
	y := svgPad
	svgCell(&s, normal, g.Normal, "Normal Cell", y, false)
	y += svgTitle + normal.h*svgY + svgPad
	svgCell(&s, reduction, g.Reduction, "Reduction Cell", y, true)
	s.WriteString("</svg>\n")
	return s.String()
}

// svgCell draws one scene with its title at y.
func svgCell(s *strings.Builder, v *scene, c space.Cell, title string, y int, reduction bool) {
	fmt.Fprintf(s, `<g transform="translate(%d %d)">`+"\n", svgPad, y)
	fmt.Fprintf(s, `<text x="0" y="%d" font-size="15" font-weight="bold">%s</text>`+"\n", svgFontSize, title)
	fmt.Fprintf(s, `<g transform="translate(0 %d)">`+"\n", svgTitle)
	x := func(col int) int { return col*svgX + svgX/2 }
	py := func(row int) int { return row*svgY + svgY/2 }
	fmt.Fprintf(s, `<g stroke="%s" stroke-width="1.3" stroke-linecap="round">`+"\n", svgWireColor)
	for _, w := range v.wires {
		fmt.Fprintf(s, `<path d="M%d %dV%dH%d"/>`+"\n", x(w.col), py(w.row), py(w.toRow), x(w.toCol))
	}
	s.WriteString("</g>\n")
	for _, p := range v.contacts {
		fmt.Fprintf(s, `<circle cx="%d" cy="%d" r="3.2" fill="%s"/>`+"\n", x(p.col), py(p.row), svgWireColor)
	}
	for _, l := range v.inputs {
		fmt.Fprintf(s, `<text x="%d" y="%d">%s</text>`+"\n", svgX, py(l.row)+4, escape(l.text()))
	}
	for _, b := range v.boxes {
		fill := colours[operation(b.op, 0, 0).Family]
		name := b.op
		if row, ok := space.OpByName(b.op); ok {
			name = row.Label
		}
		if reduction && b.in < 2 {
			name += " /2"
		}
		fmt.Fprintf(s, `<rect x="%d" y="%d" width="%d" height="%d" rx="5" fill="%s" stroke="%s"/>`,
			x(b.col), py(b.row), (paperBox-1)*svgX, 2*svgY, fill.fill, fill.edge)
		fmt.Fprintf(s, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", x(b.col)+(paperBox-1)*svgX/2, py(b.row+1)+4, escape(name))
	}
	for b, p := range v.sums {
		fmt.Fprintf(s, `<circle cx="%d" cy="%d" r="8" fill="#ffffff" stroke="%s" stroke-width="1.3"/>`, x(p.col), py(p.row), svgWireColor)
		sign := "M-5 0H5M0 -5V5" // add
		if c.Blocks[b].Combine == space.Concat {
			sign = "M-4 -4H4V4H-4Z"
		}
		fmt.Fprintf(s, `<path transform="translate(%d %d)" d="%s" fill="none" stroke="%s" stroke-width="1.3"/>`, x(p.col), py(p.row), sign, svgWireColor)
		fmt.Fprintf(s, `<text x="%d" y="%d" font-size="11" fill="#666666">%s</text>`+"\n", x(p.col)+10, py(p.row)+13, space.StateName(2+b))
	}
	ax, ay := x(v.out.col), py(v.out.row)
	fmt.Fprintf(s, `<path d="M%d %dl-7 -4v8z" fill="%s"/>`, ax+4, ay, svgWireColor)
	fmt.Fprintf(s, `<text x="%d" y="%d">concat → h[i+1]</text>`+"\n</g>\n</g>\n", ax+10, ay+4)
}

func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return "" // a strings.Builder does not fail
	}
	return b.String()
}
