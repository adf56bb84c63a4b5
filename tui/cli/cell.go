package cli

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/rng"
	"nasnet/nas/space"
	"nasnet/tui/celldraw"
	"nasnet/tui/term"
)

func cellCommand(a *app) *cobra.Command {
	return group("cell", "draw, count, time, create and compare cells", cellShow(a), cellStats(a), cellLatency(a),
		cellRandom(a), cellMutate(a), cellDiff(a))
}

// cellHelp says what CELL means in every command, in lines of help.
const cellHelp = `CELL is a known cell (nasnet-a, pnasnet-5, amoebanet-a, …), a file with a
genotype or a model, RUN/TRIAL, or a genotype as text, JSON or DARTS tuples.`

// cellHint is cellHelp on one line.
var cellHint = strings.ReplaceAll(cellHelp, "\n", " ")

// cellOf finds the genotype that CELL names.
func cellOf(a *app, spec string) (space.Genotype, error) {
	g, _, err := findCell(a, spec)
	return g, err
}

// findCell finds the genotype that CELL names, and its network if it has one: own is nil for a cell alone.
func findCell(a *app, spec string) (g space.Genotype, own ownNet, err error) {
	if spec == "" {
		return g, nil, hinted{usagef("no CELL given"), cellHint}
	}
	g, net, err := readCellFile(a, spec)
	switch {
	case err == nil && net != nil:
		return g, func() (child.NetConfig, string, error) { return *net, "of the model " + spec, nil }, nil
	case err == nil || !errors.Is(err, fs.ErrNotExist):
		return g, nil, err
	}
	if run, trial, ok := cutTrial(spec); ok {
		dir, err := a.store.runDir(run)
		if err != nil {
			return g, nil, err
		}
		t, err := findTrial(dir, trial)
		if err != nil {
			return g, nil, err
		}
		g, err := space.ParseJSON(t.Genotype)
		return g, func() (child.NetConfig, string, error) { return trialNet(a, spec, dir, t) }, err
	}
	if g, err = parseCell(a, spec); err != nil {
		return g, nil, hinted{err, cellHint}
	}
	return g, nil, nil
}

// maxCellFile limits the files that are read as cells, in bytes.
const maxCellFile = 64 << 10

// readCellFile reads the genotype in a small file, or the genotype and the network of a model. A path that cannot name
// a file counts as a file that does not exist.
func readCellFile(a *app, path string) (g space.Genotype, net *child.NetConfig, err error) {
	f, err := openFile(path)
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG) || errors.Is(err, syscall.EINVAL) {
		return g, nil, fs.ErrNotExist
	} else if err != nil {
		return g, nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	if isModel(r) {
		m, err := child.Load(r)
		if err != nil {
			return g, nil, fmt.Errorf("%s: %w", path, err)
		}
		return m.Genotype, &m.Net, nil
	}
	b, err := io.ReadAll(io.LimitReader(r, maxCellFile+1))
	if err != nil {
		return g, nil, err
	}
	if len(b) > maxCellFile {
		return g, nil, fmt.Errorf("%s: more than %d bytes; want a cell", path, maxCellFile)
	}
	if g, err = parseCell(a, string(b)); err != nil {
		return g, nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil, nil
}

// isModel reports whether a file begins like safetensors: with the length of a JSON object and the object.
func isModel(r *bufio.Reader) bool {
	b, err := r.Peek(9)
	return err == nil && b[8] == '{' && binary.LittleEndian.Uint64(b) < 1<<32
}

// parseCell reads a genotype in any form, and prints what was converted if it comes from another program.
func parseCell(a *app, text string) (space.Genotype, error) {
	if g, notes, err := space.Import(text); err == nil {
		for _, n := range notes {
			fmt.Fprintln(a.Err, "nasnet: note:", n)
		}
		return g, nil
	}
	return space.Parse(text)
}

// cutTrial splits RUN/TRIAL; TRIAL is a number, or hN for the N-th trial made by hand.
func cutTrial(spec string) (run string, trial int, ok bool) {
	i := strings.LastIndexByte(spec, '/')
	if i <= 0 {
		return "", 0, false
	}
	text, first := spec[i+1:], 0
	if rest, hand := strings.CutPrefix(text, "h"); hand { // h1 is the first
		text, first = rest, nas.FirstManual
	}
	n, err := strconv.Atoi(text)
	if first > 0 {
		n--
	}
	return spec[:i], first + n, err == nil && n >= 0 && first+n >= first
}

func findTrial(dir string, id int) (checkpoints.Trial, error) {
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		return checkpoints.Trial{}, err
	}
	defer st.Close()
	ts, err := st.Trials()
	if err != nil {
		return checkpoints.Trial{}, err
	}
	for _, t := range ts {
		if t.ID == id {
			return t, nil
		}
	}
	return checkpoints.Trial{}, fmt.Errorf("run %s has no trial %s; it has %s", filepath.Base(dir), nas.TrialLabel(id),
		nas.FormatCount(len(ts), "trial", "trials"))
}

func cellShow(a *app) *cobra.Command {
	var ascii bool
	c := &cobra.Command{Use: "show CELL", Short: "draw the normal and the reduction cell", Long: cellHelp,
		Args: args("CELL"), RunE: func(_ *cobra.Command, args []string) error {
			g, err := cellOf(a, args[0])
			if err != nil {
				return err
			}
			return a.print(g, func(w io.Writer) {
				tier := term.Detect(os.Getenv)
				if ascii {
					tier = celldraw.ASCII
				}
				name := g.Name
				if name == "" {
					name = g.ShortHash()
				}
				text := g
				text.Name = ""
				fmt.Fprintf(w, "%s  %s\n", name, text.Text())
				if k, err := space.Lookup(name); err == nil && k.Note != "" {
					fmt.Fprintf(w, "from %s\nnote: %s\n", k.Source, k.Note)
				}
				for _, part := range []struct {
					title     string
					cell      space.Cell
					reduction bool
				}{{"normal cell", g.Normal, false}, {"reduction cell", g.Reduction, true}} {
					fmt.Fprintf(w, "\n%s\n\n", part.title)
					for _, line := range celldraw.Ladder(part.cell,
						celldraw.Options{Tier: tier, Reduction: part.reduction}) {
						fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
					}
				}
			})
		}}
	c.Flags().BoolVar(&ascii, "ascii", false, "draw in ASCII")
	return c
}

func cellStats(a *app) *cobra.Command {
	var cell string
	c := &cobra.Command{Use: "stats [CELL]", Short: "count parameters and multiply-adds of a network of the cell",
		Long: cellHelp + "\n" + scaleHelp, Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("cell stats: got %d arguments; want one CELL", len(args))
			} else if len(args) == 1 {
				cell = args[0]
			}
			g, net, of, err := scaleFor(a, c.Flags(), cell)
			if err != nil {
				return err
			}
			cost, err := child.CostOf(g, net)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"cell": g.ShortHash(), "name": g.Name, "params": cost.Params,
				"trainable": cost.Trainable, "madds": cost.MAdds, "net": net, "net_of": of},
				func(w io.Writer) {
					fmt.Fprintf(w, "network    %s\n           %s\n", scaleText(net), of)
					fmt.Fprintf(w, "params     %d\ntrainable  %d\nmadds      %d  (%.2f M)\n", cost.Params,
						cost.Trainable, cost.MAdds, float64(cost.MAdds)/1e6)
				})
		}}
	c.Flags().StringVar(&cell, "cell", "", "the cell, another way to give CELL")
	networkFlags(c.Flags())
	return c
}

func cellRandom(a *app) *cobra.Command {
	var seed uint64
	var count, blocks int
	var ops string
	c := &cobra.Command{Use: "random", Short: "draw cells uniformly from the search space", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			sp, err := space.New(ops, blocks)
			if err != nil {
				return usageError{err}
			}
			if count < 1 {
				return usagef("cell random: got --count %d; want 1 or more", count)
			}
			for i := range count {
				g, err := sp.Decode(sp.Random(rng.Stream(seed, "cell-random", uint64(i))))
				if err != nil {
					return err
				}
				if err := a.print(g, func(w io.Writer) { fmt.Fprintln(w, g.Text()) }); err != nil {
					return err
				}
			}
			return nil
		}}
	c.Flags().Uint64Var(&seed, "seed", 1, "random seed")
	c.Flags().IntVar(&count, "count", 1, "number of cells")
	c.Flags().IntVar(&blocks, "blocks", 5, "blocks per cell (B)")
	c.Flags().StringVar(&ops, "ops", space.OpSets[0].Name, space.OpSetHelp())
	return c
}

func cellMutate(a *app) *cobra.Command {
	var seed uint64
	var ops string
	c := &cobra.Command{Use: "mutate CELL", Short: "change one random decision of a cell", Long: cellHelp,
		Args: args("CELL"),
		RunE: func(_ *cobra.Command, args []string) error {
			g, err := cellOf(a, args[0])
			if err != nil {
				return err
			}
			sp, err := space.New(ops, len(g.Normal.Blocks))
			if err != nil {
				return usageError{err}
			}
			choices, err := sp.Encode(g)
			if err != nil {
				return err
			}
			if g, err = sp.Decode(sp.Mutate(rng.Stream(seed, "cell-mutate"), choices)); err != nil {
				return err
			}
			return a.print(g, func(w io.Writer) { fmt.Fprintln(w, g.Text()) })
		}}
	c.Flags().Uint64Var(&seed, "seed", 1, "random seed")
	c.Flags().StringVar(&ops, "ops", space.OpSets[0].Name, space.OpSetHelp())
	return c
}

func cellDiff(a *app) *cobra.Command {
	return &cobra.Command{Use: "diff CELL CELL", Short: "list the differences of two cells", Long: cellHelp,
		Args: args("CELL", "CELL"), RunE: func(_ *cobra.Command, args []string) error {
			x, err := cellOf(a, args[0])
			y, err2 := cellOf(a, args[1])
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			ds := space.Diff(x, y)
			return a.print(map[string]any{"isomorphic": x.Hash() == y.Hash(), "differences": ds}, func(w io.Writer) {
				switch {
				case len(ds) == 0:
					fmt.Fprintln(w, "the same cell")
				case x.Hash() == y.Hash():
					fmt.Fprintln(w, "isomorphic cells, written differently:")
				}
				for _, d := range ds {
					fmt.Fprintln(w, d)
				}
			})
		}}
}
