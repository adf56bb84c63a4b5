package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nasnet/nas"
	"nasnet/nas/search"
	"nasnet/tui"
	"nasnet/tui/term"
)

func topCommand(a *app) *cobra.Command {
	var q tui.TopQuery
	var most int
	var asCSV bool
	c := &cobra.Command{Use: "top RUN", Short: "list the best cells of a run; --front: its Pareto front",
		Args: args("RUN"),
		Long: fmt.Sprintf(`Top lists the distinct cells of a run, the highest reward first, with the orders
and the filter of the table on the screen (keys o and /). The rank is always by
reward. A run ranks its %d best cells.

--front lists the Pareto front (key a): the cells for which no other cell is as
accurate at a lower cost, or more accurate at the same cost.

--filter keeps the cells in which all words occur: in the hash, child, number,
kind (sample, random, by hand), note or ops, or as "starred". A word after a
minus must not occur: --filter 'sep5x5 -starred'. <, <=, > and >= compare
reward, accuracy, params, madds, latency and time: --filter 'params<50k
latency<1ms'. It selects from the front and does not change it. --json prints
one object per cell.`, nas.MaxTop),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := q.Validate(); err != nil {
				return usagef("top: %w", err)
			}
			if most < 0 {
				return usagef("top: got --most %d; want 0 (all) or more", most)
			}
			if asCSV && a.json {
				return usagef("top: got --csv and --json; want at most one of them")
			}
			dir, err := a.store.runDir(args[0])
			if err != nil {
				return err
			}
			s, err := search.ReadSnapshot(dir)
			if err != nil {
				return err
			}
			cells, notes, err := tui.Top(s, q)
			if cost := (*tui.UnknownCostError)(nil); errors.As(err, &cost) {
				err = fmt.Errorf("top: run %s: %w", args[0], err)
				if cost.Cost == nas.ByLatency && s.Best != nil {
					err = hinted{err, "to measure it in a new search: nasnet search --latency" + a.store.flag() +
						"\nto measure the best cell: " + shellLine("nasnet", "cell", "latency",
						args[0]+"/"+s.Best.Label()) + a.store.flag()}
				}
				return err
			}
			if err != nil {
				return err
			}
			found := len(cells)
			if most > 0 {
				cells = cells[:min(most, len(cells))]
			}
			for _, n := range notes {
				fmt.Fprintln(a.Err, "nasnet: note:", n)
			}
			switch {
			case asCSV:
				b, err := tui.TopCSV(cells)
				if err != nil {
					return err
				}
				_, err = term.Plain(a.Out).Write(b)
				return err
			case a.json:
				for _, c := range cells {
					if err := a.print(c, nil); err != nil {
						return err
					}
				}
				return nil
			case len(s.Top) == 0:
				a.say("run %s has no ranked cells yet: the first comes when a child has finished\n", args[0])
				return nil
			case found == 0:
				a.say("none of %s of run %s passes the filter %s\n", nas.FormatCount(len(s.Top), "cell", "cells"),
					args[0], q.Filter)
				return nil
			}
			return a.print(nil, func(w io.Writer) { printTop(w, cells, q.Front != "" || s.Config.Cost.By != "") })
		}}
	fs := c.Flags()
	fs.StringVar(&q.By, "by", "", "order: "+strings.Join(tui.TopOrders(), ", ")+
		" (default reward, with --front its cost); time is the training time")
	fs.StringVar(&q.Front, "front", "", "only cells on the Pareto front of accuracy against "+
		strings.Join(tui.TopCosts(), ", "))
	fs.StringVar(&q.Filter, "filter", "", "only cells with all these words (-word: without) and numbers (params<50k)")
	fs.IntVarP(&most, "most", "n", 0, "print at most this many cells (0: all)")
	fs.BoolVar(&asCSV, "csv", false, "print the table as key w writes it; unknown values are empty")
	return c
}

// printTop prints the columns of the screen's table, with the accuracies only if asked to.
func printTop(w io.Writer, cells []tui.TopCell, accuracy bool) {
	g := term.GlyphsOf(term.Detect(os.Getenv))
	latency := slices.ContainsFunc(cells, func(c tui.TopCell) bool { return c.Latency > 0 })
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(rank, cell, reward, acc, params, madds, ms, trial, kind, star, normal, note string) {
		words := []string{rank, cell, reward}
		if accuracy {
			words = append(words, acc)
		}
		words = append(words, params, madds)
		if latency {
			words = append(words, ms)
		}
		words = append(words, trial, kind, star, normal)
		if note != "" {
			words = append(words, note)
		}
		fmt.Fprintln(tw, strings.Join(words, "\t"))
	}
	noted := ""
	if slices.ContainsFunc(cells, func(c tui.TopCell) bool { return c.Note != "" }) {
		noted = "NOTE"
	}
	line("#", "CELL", "REWARD", "ACCURACY", "PARAMS", "MADDS", "LATENCY", "TRIAL", "KIND", "STAR",
		"NORMAL CELL (h h[i], p h[i-1], 0-4)", noted)
	for _, c := range cells {
		acc, ms, star, note := "–", "–", "", term.Line(c.Note)
		if c.Accuracy != nil {
			acc = fmt.Sprintf("%.4f", *c.Accuracy)
		}
		if c.Latency > 0 {
			ms = fmt.Sprintf("%.3g ms", c.Latency)
		}
		if c.Star {
			star = g.Star
		}
		if note == "" && noted != "" {
			note = "–"
		}
		rank := "–"
		if c.Rank > 0 {
			rank = fmt.Sprint(c.Rank)
		}
		line(rank, c.Cell, fmt.Sprintf("%.4f", c.Reward), acc, fmt.Sprint(c.Params), fmt.Sprint(c.MAdds), ms, c.Label,
			c.Origin(), star, term.Line(c.Normal), note)
	}
	tw.Flush()
}
