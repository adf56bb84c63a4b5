package cli

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/tui/chart"
	"nasnet/tui/term"
)

// guess is a class with its probability.
type guess struct {
	Class       string  `json:"class"`
	Label       int     `json:"label"`
	Probability float64 `json:"p"`
}

// predicted is the JSON line of an image.
type predicted struct {
	Image string  `json:"image"`
	Top   []guess `json:"top,omitempty"`
	Error string  `json:"error,omitempty"` // why Top is empty
}

func predictCommand(a *app) *cobra.Command {
	var top int
	c := &cobra.Command{Use: "predict MODEL IMAGE…", Short: "classify images with a trained network",
		Args: cobra.ArbitraryArgs,
		Long: `MODEL is a file written by nasnet train, or RUN/TRIAL of a retrain.

Each IMAGE is a PNG or JPEG file of any size. Its middle square is resized and
normalised like the model's training images; colour and grey are converted to
the model's channels. An unreadable image is reported, the others are
classified, and the exit code is 1.`,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) < 2:
				return usagef("predict: got %s; want a MODEL and one IMAGE or more",
					nas.FormatCount(len(args), "argument", "arguments"))
			case top < 1:
				return usagef("predict: got --top %d; want 1 or more", top)
			}
			m, err := loadModel(a, args[0])
			if err != nil {
				return err
			}
			if n := m.Net.Channels; n != 1 && n != 3 {
				return fmt.Errorf("%s: the model takes images of %d channels; want 1 or 3, as in PNG and JPEG files",
					args[0], n)
			}
			bad := 0
			for part := range slices.Chunk(args[1:], predictBatch) {
				if err := c.Context().Err(); err != nil {
					return err
				}
				out, err := predict(m, part, top)
				if err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
				for _, p := range out {
					if p.Error != "" {
						bad++
					}
					if err := a.print(p, func(w io.Writer) { printPredicted(w, p) }); err != nil {
						return err
					}
				}
			}
			if bad > 0 {
				return fmt.Errorf("%d of %d images could not be read", bad, len(args)-1)
			}
			return nil
		}}
	c.Flags().IntVar(&top, "top", 5, "number of classes to print per image")
	return c
}

// predictBatch is the number of images classified at a time; it bounds the memory.
const predictBatch = 64

// predict classifies image files. The result of an unreadable one has the reason.
func predict(m *child.Model, files []string, top int) ([]predicted, error) {
	out := make([]predicted, len(files))
	var pixels []uint8
	var read []int
	for i, f := range files {
		out[i].Image = f
		p, err := dataset.ReadImage(f, m.Net.Image, m.Net.Channels)
		if err != nil {
			out[i].Error = err.Error()
			continue
		}
		pixels, read = append(pixels, p...), append(read, i)
	}
	if len(read) == 0 {
		return out, nil
	}
	ps, err := m.Predict(pixels)
	if err != nil {
		return nil, err
	}
	n := m.Net.Classes
	for k, i := range read {
		for c, p := range ps[k*n : (k+1)*n] {
			if math.IsNaN(float64(p)) {
				return nil, fmt.Errorf("the model's output for %s is NaN: its weights are damaged", files[i])
			}
			g := guess{fmt.Sprintf("class %d", c), c, float64(p)}
			if len(m.ClassNames) > 0 {
				g.Class = m.ClassNames[c]
			}
			out[i].Top = append(out[i].Top, g)
		}
		slices.SortStableFunc(out[i].Top, func(a, b guess) int {
			if a.Probability > b.Probability {
				return -1
			} else if a.Probability < b.Probability {
				return 1
			}
			return 0
		})
		out[i].Top = out[i].Top[:min(top, n)]
	}
	return out, nil
}

// printPredicted prints the classes of an image with bars.
func printPredicted(w io.Writer, p predicted) {
	if p.Error != "" {
		fmt.Fprintf(w, "%s\n  unreadable: %s\n", term.Line(p.Image), term.Line(p.Error))
		return
	}
	fmt.Fprintln(w, term.Line(p.Image))
	const bar = 30
	tier, width := term.Detect(os.Getenv), 0
	names := make([]string, len(p.Top))
	for i, g := range p.Top {
		names[i] = ansi.Truncate(term.Line(g.Class), 40, term.GlyphsOf(tier).Ellipsis)
		width = max(width, ansi.StringWidth(names[i]))
	}
	for i, g := range p.Top {
		pad := strings.Repeat(" ", width-ansi.StringWidth(names[i]))
		fmt.Fprintf(w, "  %s%s  %s %6.2f %%\n", names[i], pad, chart.Bar(tier, g.Probability, bar), 100*g.Probability)
	}
}
