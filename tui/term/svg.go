package term

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Units of a picture of a screen, in pixels.
const (
	svgColumn, svgRow = 8.4, 17.0
	svgFont, svgEdge  = 14, 12
)

// svgColours are the 16 colours of a dark terminal; svgInk and svgPaper are its defaults.
var svgColours = [...]string{"#1b1d23", "#e06c75", "#8fc379", "#dcb76a", "#61a5e8", "#c678dd", "#4fb8c4", "#c8ccd4",
	"#6b7280", "#ef8a91", "#a5d68c", "#ecc97e", "#80bbf2", "#d795ea", "#6fd0da", "#ffffff"}

const svgInk, svgPaper = "#d0d4dc", "#16181d"

// SVG draws a frame, w columns wide, as a self-contained picture of a terminal: no script, link or embedded font.
// Colours beyond the 16 of a terminal become its default.
func SVG(frame []string, w int) string {
	d := NewDifferSize(io.Discard, func() (int, int) { return w, len(frame) })
	// it discards what it sends
	_, _ = d.Write([]byte(ansi.SetModeAltScreenSaveCursor + ansi.CursorHomePosition + strings.Join(frame, "\r\n")))
	width, height := float64(w)*svgColumn+2*svgEdge, float64(len(frame))*svgRow+2*svgEdge
	var s strings.Builder
	fmt.Fprintf(&s,
		`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" `+
			`height="%.0f" viewBox="0 0 %.0f %.0f" font-family="'DejaVu Sans Mono', `+
			`Menlo, Consolas, monospace" font-size="%d" fill="%s">`+"\n",
		width, height, width, height, svgFont, svgInk)
	fmt.Fprintf(&s, `<rect width="%.0f" height="%.0f" rx="8" fill="%s"/>`+"\n", width, height, svgPaper)
	for y := range d.want.h {
		row := d.want.row(y)
		for from := 0; from < len(row); {
			end := svgRun(row, from)
			svgText(&s, row[from:end], svgEdge+float64(from)*svgColumn, svgEdge+float64(y)*svgRow)
			from = end
		}
	}
	s.WriteString("</svg>\n")
	return s.String()
}

// svgRun returns the end of the run that begins at from. All cells of a run have the same style, and are either only
// blanks or text without double blanks, so that each run starts at its column in any font.
func svgRun(row []cell, from int) int {
	end, blanks := from+1, row[from].text == " "
	for ; end < len(row) && row[end].style == row[from].style; end++ {
		isBlank := row[end].text == " "
		if blanks && !isBlank || !blanks && isBlank && (end+1 == len(row) || row[end+1].text == " ") {
			break
		}
	}
	return end
}

// svgText draws a run whose upper left corner is at x, y.
func svgText(s *strings.Builder, run []cell, x, y float64) {
	look, text := run[0].style, ""
	for _, c := range run {
		text += c.text
	}
	colour := func(c uint32, own string) string {
		if c == 0 || int(c) > len(svgColours) {
			return own
		}
		return svgColours[c-1]
	}
	ink, paper := colour(look.fg, svgInk), colour(look.bg, svgPaper)
	if look.attr&(1<<7) != 0 {
		ink, paper = paper, ink
	}
	wide := float64(len(run)) * svgColumn
	if paper != svgPaper {
		fmt.Fprintf(s, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, wide, svgRow, paper)
	}
	if strings.TrimSpace(text) == "" {
		return
	}
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" textLength="%.1f" lengthAdjust="spacingAndGlyphs" xml:space="preserve"`, x,
		y+0.78*svgRow, wide)
	if ink != svgInk {
		fmt.Fprintf(s, ` fill="%s"`, ink)
	}
	if look.attr&(1<<1) != 0 {
		s.WriteString(` font-weight="bold"`)
	}
	s.WriteByte('>')
	_ = xml.EscapeText(s, []byte(text)) // a strings.Builder does not fail
	s.WriteString("</text>\n")
}
