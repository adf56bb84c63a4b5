// Package chart draws series of numbers as lines of text: line charts ([Lines]), sparklines ([Sparkline]), progress
// bars ([Progress]) and bars ([Bar]).
//
// The functions are pure. They accept any numbers and any size, and each line they return has exactly the display width
// asked for; NaN and infinite values are gaps. Series in a line chart differ by line style, so a chart is readable
// without colour; its lines come as spans, so that a screen can colour each series.
//
// [Lines] is a layer over asciigraph, which draws the points; this package decides size, scale, labels, legend and
// gaps. It redraws everything, so callers should keep the result while the data and the size stay the same.
package chart
