// Package celldraw draws cells: as text for a terminal ([Ladder], [Paper], [List]), as a picture ([SVG]) and for
// Graphviz ([Dot]).
//
// All functions are pure and deterministic and accept any cell of package space; none searches for a layout. Text comes
// as lines of spans, so that a screen can colour an op by its family or find the operand under a cursor. The spans
// joined together are the plain text, which is readable without colour. Every glyph is one column wide.
//
// The signs are the same in all drawings:
//
//	●   an operand takes its input here        *
//	┼   wires cross without contact        |
//	⊕   the block adds (block b0 here)    (+)
//	⊞   the block concatenates filters    [&]
//	/2  the op has stride 2
//
// The right column is the ASCII tier. The CP437 tier, for the Linux console, has square corners, o for ●, and the ASCII
// signs for the rest.
package celldraw
