package celldraw

import (
	"fmt"
	"strings"

	"nasnet/nas/space"
)

// Dot writes a genotype as a directed graph for Graphviz (dot -Tpdf): one cluster per cell, inputs at the bottom as in
// the paper's figures.
func Dot(g space.Genotype) string {
	var s strings.Builder
	s.WriteString(`digraph cell {
	graph [rankdir=BT, nodesep=0.2, ranksep=0.3, fontname="Helvetica-Bold", fontsize=12];
	node [fontname="Helvetica", fontsize=11, height=0.3, margin="0.09,0.05", penwidth=0.8];
	edge [arrowsize=0.5, penwidth=0.8, color="#333333"];
`)
	if g.Name != "" {
		fmt.Fprintf(&s, "\tlabel=%s;\n", dotQuote(g.Name))
	}
	dotCell(&s, "normal", "Normal Cell", g.Normal, false)
	dotCell(&s, "reduction", "Reduction Cell", g.Reduction, true)
	s.WriteString("}\n")
	return s.String()
}

func dotCell(s *strings.Builder, id, title string, c space.Cell, reduction bool) {
	node := func(state int) string { return fmt.Sprintf("%s_s%d", id, state) }
	fmt.Fprintf(s,
		"\tsubgraph cluster_%s {\n\t\tlabel=%s;\n\t\tstyle=rounded;\n\t\tcolor=\"#bbbbbb\";\n\t\tmargin=12;\n", id,
		dotQuote(title))
	for state, index := range []string{"i", "i-1"} {
		fmt.Fprintf(s, "\t\t%s [label=<<I>h</I><SUB>%s</SUB>>, shape=box, style=rounded];\n", node(state), index)
	}
	fmt.Fprintf(s, "\t\t{rank=same; %s; %s}\n", node(1), node(0))
	for b, k := range c.Blocks {
		fmt.Fprintf(s, "\t\t%s [label=%s, shape=ellipse];\n", node(2+b), dotQuote(k.Combine))
	}
	for _, o := range operands(c) {
		op := fmt.Sprintf("%s_b%d_%d", id, o.block, o.side)
		fill, edge := colours(o.op)
		fmt.Fprintf(s, "\t\t%s [label=%s, shape=box, style=\"filled,rounded\", fillcolor=%s, color=%s];\n", op,
			dotQuote(pictureText(o, reduction)),
			dotQuote(fill), dotQuote(edge))
		fmt.Fprintf(s, "\t\t%s -> %s;\n\t\t%s -> %s;\n", node(o.in), op, op, node(2+o.block))
	}
	fmt.Fprintf(s, "\t\t%s_out [label=<concat, <I>h</I><SUB>i+1</SUB>>, shape=box, style=rounded];\n", id)
	for state, out := range outputSet(c) {
		if out {
			fmt.Fprintf(s, "\t\t%s -> %s_out;\n", node(state), id)
		}
	}
	s.WriteString("\t}\n")
}

func dotQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
