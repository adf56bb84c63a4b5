package celldraw

import (
	"fmt"
	"strings"

	"nasnet/nas/space"
)

// Dot writes a genotype as a directed graph for Graphviz (dot -Tpdf): one cluster a cell, inputs at the bottom as in the paper's figures.
func Dot(g space.Genotype) string {
	var s strings.Builder
	s.WriteString("digraph cell {\n\trankdir=BT;\n\tnode [fontname=\"Helvetica\", fontsize=11];\n\tedge [arrowsize=0.6];\n")
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
	fmt.Fprintf(s, "\tsubgraph cluster_%s {\n\t\tlabel=%s;\n", id, dotQuote(title))
	for state := range 2 {
		fmt.Fprintf(s, "\t\t%s [label=%s, shape=box, style=rounded];\n", node(state), dotQuote(space.StateName(state)))
	}
	for b, k := range c.Blocks {
		fmt.Fprintf(s, "\t\t%s [label=%s, shape=ellipse];\n", node(2+b), dotQuote(space.StateName(2+b)+" "+k.Combine))
	}
	for _, o := range operands(c) {
		op := fmt.Sprintf("%s_b%d_%d", id, o.block, o.rung)
		text := o.op
		if row, ok := space.OpByName(o.op); ok {
			text = row.Label
		}
		if reduction && o.in < 2 {
			text += " /2"
		}
		fmt.Fprintf(s, "\t\t%s [label=%s, shape=box, style=filled, fillcolor=%s];\n", op, dotQuote(text), dotQuote(colours[operation(o.op, 0, 0).Family].fill))
		fmt.Fprintf(s, "\t\t%s -> %s;\n\t\t%s -> %s;\n", node(o.in), op, op, node(2+o.block))
	}
	fmt.Fprintf(s, "\t\t%s_out [label=\"concat\\nh[i+1]\", shape=box, style=rounded];\n", id)
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
