package celldraw

import (
	"encoding/xml"
	"fmt"
	"strings"

	"nasnet/nas/space"
)

// colours returns the fill and the edge of an op's box.
func colours(op string) (fill, edge string) {
	row, _ := space.OpByName(op)
	if family, ok := row.Family.Row(); ok {
		return family.Fill, family.Edge
	}
	return "#eeeeee", "#555555" // no op of ours: only an invalid cell has one
}

// Units of the picture, in pixels.
const (
	svgX, svgY  = 8, 17 // of a column and a row of the paper layout
	svgPad      = 16
	svgTitle    = 28 // above a cell
	svgGap      = 20 // between the cells, and before the key
	svgFontSize = 13
	svgSmall    = 10 // indices, names of blocks
	svgInput    = 5  // columns of an input's name
	svgInk      = "#333333"
)

// SVG draws both cells in the paper layout as one self-contained picture: no script, link or embedded font. A key
// explains the signs that are not spelled out.
func SVG(g space.Genotype) string {
	normal, reduction := newScene(g.Normal), newScene(g.Reduction)
	w := max(normal.w, reduction.w)*svgX + 2*svgPad
	h := (normal.h+reduction.h)*svgY + 2*svgTitle + 2*svgGap + svgY + 2*svgPad
	var s strings.Builder
	fmt.Fprintf(&s,
		`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="Helvetica, `+
			`Arial, sans-serif" font-size="%d" fill="#111111">`+"\n",
		w, h, w, h, svgFontSize)
	if g.Name != "" {
		fmt.Fprintf(&s, "<title>%s</title>\n", escape(g.Name))
	}
	fmt.Fprintf(&s, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", w, h)
	y := svgPad
	svgCell(&s, normal, g.Normal, "Normal Cell", y, false)
	y += svgTitle + normal.h*svgY + svgGap
	svgCell(&s, reduction, g.Reduction, "Reduction Cell", y, true)
	y += svgTitle + reduction.h*svgY + svgGap
	svgKey(&s, g, y)
	s.WriteString("</svg>\n")
	return s.String()
}

// svgCell draws one scene with its title at y. Wires run down and to the right; where two cross without a contact, a
// gap sets off the one running down.
func svgCell(s *strings.Builder, v *scene, c space.Cell, title string, y int, reduction bool) {
	fmt.Fprintf(s, `<g transform="translate(%d %d)">`+"\n", svgPad, y)
	fmt.Fprintf(s, `<text x="0" y="%d" font-size="15" font-weight="bold">%s</text>`+"\n", svgFontSize, title)
	fmt.Fprintf(s, `<g transform="translate(0 %d)">`+"\n", svgTitle)
	x := func(col int) int { return col*svgX + svgX/2 }
	py := func(row int) int { return row*svgY + svgY/2 }
	rails := map[int]int{} // by row: the column where a rail begins, after the names of its inputs
	for _, l := range v.inputs {
		rails[l.row] = 1 + svgInput*len(l.states)
	}
	var across, down, gaps strings.Builder
	for _, w := range v.wires {
		if w.toCol != w.col {
			from := w.col
			if start, ok := rails[w.row]; ok && w.row == w.toRow {
				from = start
			}
			fmt.Fprintf(&across, "M%d %dH%d", x(from), py(w.toRow), x(w.toCol))
		}
		if w.toRow != w.row {
			fmt.Fprintf(&down, "M%d %dV%d", x(w.col), py(w.row), py(w.toRow))
			// except at its ends
			fmt.Fprintf(&gaps, "M%d %dV%d", x(w.col), py(w.row)+svgY/2, py(w.toRow)-svgY/2)
		}
	}
	fmt.Fprintf(s, `<g fill="none" stroke-linecap="round"><path stroke="%s" stroke-width="1.2" d="%s"/>`, svgInk,
		across.String())
	fmt.Fprintf(s,
		`<path stroke="#ffffff" stroke-width="6" stroke-linecap="butt" d="%s"/><path stroke="%s" stroke-width="1.2" `+
			`d="%s"/></g>`+"\n",
		gaps.String(), svgInk, down.String())
	for _, p := range v.contacts {
		fmt.Fprintf(s, `<circle cx="%d" cy="%d" r="3" fill="%s"/>`, x(p.col), py(p.row), svgInk)
	}
	s.WriteString("\n")
	for _, l := range v.inputs {
		for i, state := range l.states {
			fmt.Fprintf(s, `<text x="%d" y="%d">%s</text>`+"\n", svgX/2+i*svgInput*svgX, py(l.row)+4,
				[]string{svgIndexed(""), svgIndexed("−1")}[state])
		}
	}
	for _, b := range v.boxes {
		fill, edge := colours(b.op)
		width := (paperBox - 1) * svgX
		svgTip(s, x(b.col)+width/2, py(b.row), "l-3.5 -7h7z")
		fmt.Fprintf(s, `<rect x="%d" y="%d" width="%d" height="%d" rx="5" fill="%s" stroke="%s"/>`, x(b.col), py(b.row),
			width, 2*svgY, fill, edge)
		fmt.Fprintf(s, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", x(b.col)+width/2, py(b.row+1)+4,
			escape(pictureText(b.operand, reduction)))
	}
	for b, p := range v.sums {
		svgJunction(s, x(p.col), py(p.row), c.Blocks[b].Combine)
		fmt.Fprintf(s, `<text x="%d" y="%d" font-size="%d" fill="#666666">%s</text>`+"\n", x(p.col)+10, py(p.row)+13,
			svgSmall, space.StateName(2+b))
	}
	ax, ay := x(v.out.col), py(v.out.row)
	svgTip(s, ax+4, ay, "l-7 -3.5v7z")
	fmt.Fprintf(s, `<text x="%d" y="%d">concat, %s</text>`+"\n</g>\n</g>\n", ax+9, ay+4, svgIndexed("+1"))
}

// svgTip draws the head of an arrow that ends at (x, y); shape is its outline.
func svgTip(s *strings.Builder, x, y int, shape string) {
	fmt.Fprintf(s, `<path d="M%d %d%s" fill="%s"/>`, x, y, shape, svgInk)
}

// svgJunction draws the sign of a combine with its middle at (x, y).
func svgJunction(s *strings.Builder, x, y int, combine string) {
	sign := "M-5 0H5M0 -5V5" // add
	if combine == space.Concat {
		sign = "M-4.5 -3H4.5M-4.5 0H4.5M-4.5 3H4.5" // filters, stacked
	}
	fmt.Fprintf(s,
		`<g transform="translate(%d %d)" fill="#ffffff" stroke="%s" stroke-width="1.2"><circle r="8"/><path `+
			`d="%s"/></g>`, x, y, svgInk, sign)
}

// svgKey explains, at y, the signs in the picture.
func svgKey(s *strings.Builder, g space.Genotype, y int) {
	x, middle := svgPad+svgX, y+svgY/2
	text := func(t string) {
		fmt.Fprintf(s, `<text x="%d" y="%d" font-size="11">%s</text>`, x, middle+4, t)
		x += 5*len([]rune(t)) + 28
	}
	for _, k := range []struct{ combine, text string }{{space.Add, "sum"},
		{space.Concat, "concatenation of filters, 1×1"}} {
		for _, b := range append(g.Normal.Clone().Blocks, g.Reduction.Blocks...) {
			if b.Combine == k.combine {
				svgJunction(s, x, middle, k.combine)
				x += 14
				text(k.text)
				break
			}
		}
	}
	x -= 8
	text("/2: stride 2")
	s.WriteString("\n")
}

// svgIndexed writes h with the index i, followed by added.
func svgIndexed(added string) string {
	return fmt.Sprintf(
		`<tspan font-style="italic">h</tspan><tspan font-size="%d" `+
			`dy="3"><tspan font-style="italic">i</tspan>%s</tspan>`, svgSmall, added)
}

// pictureText returns the name of an op for a picture: 3×3 instead of 3x3, and the stride if it has one.
func pictureText(o operand, reduction bool) string {
	name := o.op
	if row, ok := space.OpByName(o.op); ok {
		name = row.Label
	}
	r := []rune(name)
	for i := 1; i+1 < len(r); i++ {
		if r[i] == 'x' && '0' <= r[i-1] && r[i-1] <= '9' && '0' <= r[i+1] && r[i+1] <= '9' {
			r[i] = '×'
		}
	}
	if name = string(r); reduction && o.in < 2 {
		name += " /2"
	}
	return name
}

func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return "" // a strings.Builder does not fail
	}
	return b.String()
}
