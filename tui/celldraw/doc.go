// Package celldraw draws cells: as text for a terminal ([Ladder], [Paper], [List]), as a picture ([SVG]) and for
// Graphviz ([Dot]).
//
// All functions are pure, deterministic and take any cell of package space; none searches for a layout. Text comes as
// lines of spans, so that a screen can colour an op by its family or find the operand under a cursor; the concatenation
// of the spans is the plain text, and it reads without colour. Every glyph is one column wide.
//
// The signs are the same in all drawings:
//
//	●   an operand takes its input here        *
//	┼   wires cross without contact        |
//	⊕   the block adds (block b0 here)    (+)
//	⊞   the block concatenates filters    [&]
//	/2  the op has stride 2
//
// The right column is that of the ASCII tier. The CP437 tier, for the console of Linux, has square corners, o for ●,
// and the signs of ASCII for the others.
package celldraw
