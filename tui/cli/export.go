package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"nasnet/nas/onnx"
	"nasnet/nas/space"
	"nasnet/tui/celldraw"
)

// form is a format of export: of a cell if it has a text function, else of a model.
type form struct {
	name, ending, title string
	text                func(space.Genotype) (string, error)
}

// forms is the table of formats.
var forms = []form{
	{"svg", ".svg", "picture of both cells", func(g space.Genotype) (string, error) { return celldraw.SVG(g), nil }},
	{"dot", ".dot", "graph for Graphviz", func(g space.Genotype) (string, error) { return celldraw.Dot(g), nil }},
	{"json", ".json", "genotype, accepted wherever a command takes CELL", func(g space.Genotype) (string, error) {
		b, err := json.Marshal(g)
		return string(b) + "\n", err
	}},
	{"text", ".txt", "genotype on one line", func(g space.Genotype) (string, error) { return g.Text() + "\n", nil }},
	{"darts", "", "Genotype(…) for DARTS and NNI; input 0 is h[i-1]",
		func(g space.Genotype) (string, error) { return line(g.DARTS()) }},
	{"slim", "", "constants for the cell classes of the released NASNet; input 0 is h[i]",
		func(g space.Genotype) (string, error) { return line(g.Slim()) }},
	{"onnx", ".onnx", "trained network for other runtimes", nil},
}

func line(s string, err error) (string, error) { return s + "\n", err }

// formFor finds a format by its name, or by the extension of the file.
func formFor(name, file string) (form, error) {
	i := slices.IndexFunc(forms, func(f form) bool {
		return f.name == name || name == "" && f.ending != "" && f.ending == filepath.Ext(file)
	})
	if i >= 0 {
		return forms[i], nil
	}
	var names []string
	for _, f := range forms {
		names = append(names, f.name)
	}
	want := strings.Join(names, ", ")
	if name != "" {
		return form{}, usagef("export: unknown format %q; want one of %s", name, want)
	}
	return form{}, usagef("export: no format; want --format with one of %s, or an --out with its extension", want)
}

func exportCommand(a *app) *cobra.Command {
	var format string
	var out output
	var o onnx.Options
	long := cellHelp + `

MODEL is a file written by nasnet train, or RUN/TRIAL of a retrain. Only onnx
needs a MODEL; the other formats write its cell.
`
	for _, f := range forms {
		long += fmt.Sprintf("\n  %-6s %s", f.name, f.title)
	}
	c := &cobra.Command{Use: "export CELL|MODEL", Short: "write a cell as picture or text, a network as " +
		"ONNX", Long: long,
		Args: args("CELL|MODEL"), RunE: func(c *cobra.Command, args []string) error {
			f, err := formFor(format, out.path)
			if err != nil {
				return err
			}
			write := func(w io.Writer) error { return exportModel(a, w, args[0], o) }
			if f.text != nil {
				for _, flag := range []string{"fold", "pixels"} {
					if c.Flags().Changed(flag) {
						return usagef("export: got --%s with format %s; want format onnx", flag, f.name)
					}
				}
				write = func(w io.Writer) error { return exportCell(a, w, args[0], f) }
			}
			if out.path != "" {
				return exportFile(a, out, f, write)
			}
			if to, ok := a.Out.(*os.File); ok && f.text == nil && isatty.IsTerminal(to.Fd()) {
				return usagef("export: format %s is binary and the output is a terminal; want --out FILE", f.name)
			}
			return write(a.Out)
		}}
	c.Flags().StringVar(&format, "format", "", "svg, dot, json, text, darts, slim or onnx (default: by the extension "+
		"of --out)")
	out.register(c.Flags(), "out", "file to write (default: the standard output)")
	c.Flags().BoolVar(&o.Fold, "fold", false, "onnx: fold batch normalisations into the convolutions")
	c.Flags().BoolVar(&o.Pixels, "pixels", false, "onnx: take pixels from 0 to 255 as input, instead of "+
		"(pixel/255 - mean) / std")
	return c
}

// exportFile writes a file and prints its size.
func exportFile(a *app, out output, f form, write func(io.Writer) error) error {
	var n counter
	if err := out.write(func(w io.Writer) error { return write(io.MultiWriter(w, &n)) }); err != nil {
		return err
	}
	return a.print(map[string]any{"t": "exported", "format": f.name, "file": out.path, "bytes": int(n)},
		func(w io.Writer) {
			fmt.Fprintf(w, "%s: %d bytes of %s\n", out.path, n, f.name)
		})
}

// counter counts the bytes written to it.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func exportCell(a *app, w io.Writer, spec string, f form) error {
	g, err := cellOf(a, spec)
	if err != nil {
		return err
	}
	text, err := f.text(g)
	if err != nil {
		return err
	}
	if f.name == "darts" { // say what reading it back would convert
		if _, notes, err := space.Import(text); err == nil {
			for _, n := range notes {
				fmt.Fprintln(a.Err, "nasnet: note:", n)
			}
		}
	}
	_, err = io.WriteString(w, text)
	return err
}

func exportModel(a *app, w io.Writer, spec string, o onnx.Options) error {
	m, err := loadModel(a, spec)
	if err != nil {
		if _, _, e := findCell(a, spec); e == nil {
			err = hinted{err, "to train a model of this cell: " + shellLine("nasnet", "train", "--cell", spec, "--out",
				"model.safetensors") + a.store.flag()}
		}
		return err
	}
	if m.Train.FlipAverage {
		fmt.Fprintln(a.Err, "nasnet: note: the ONNX file lacks the mirror averaging of nasnet eval and predict; "+
			"expect slightly lower accuracy")
	}
	return onnx.Write(w, m, o)
}
