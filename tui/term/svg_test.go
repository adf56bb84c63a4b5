package term

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestTheSVGOfAFrameIsSelfContained(t *testing.T) {
	svg := SVG([]string{" nasnet  \x1b[1;31mfailed\x1b[m <a & b>", "界x  \x1b[7m on \x1b[m", ""}, 40)
	type run struct {
		column, row int
		text, look  string
	}
	var got []run
	var at run
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, svg)
		}
		switch e := token.(type) {
		case xml.StartElement:
			var x, y float64
			at.look = e.Name.Local
			for _, a := range e.Attr {
				switch a.Name.Local {
				case "x":
					fmt.Sscan(a.Value, &x)
				case "y":
					fmt.Sscan(a.Value, &y)
				case "fill", "font-weight":
					at.look += " " + a.Value
				case "href", "src":
					t.Errorf("%s refers to %s", e.Name.Local, a.Value)
				}
			}
			at.column, at.row = int((x-svgEdge)/svgColumn+0.5), int((y-svgEdge)/svgRow)
			if at.text = ""; e.Name.Local == "rect" && x > 0 {
				got = append(got, at)
			}
		case xml.CharData:
			at.text += string(e)
		case xml.EndElement:
			if e.Name.Local == "text" {
				got = append(got, at)
			}
		}
	}
	want := []run{{1, 0, "nasnet", "text"}, {9, 0, "failed", "text " + svgColours[1] + " bold"},
		{16, 0, "<a & b>", "text"},
		{0, 1, "界x", "text"}, {5, 1, "", "rect " + svgInk}, {6, 1, "", "rect " + svgInk},
		{6, 1, "on", "text " + svgPaper}, {8, 1, "", "rect " + svgInk}}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}
