package cli

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/remote"
	"nasnet/tui/term"
)

func statusCommand(a *app) *cobra.Command {
	var line bool
	var width int
	c := &cobra.Command{Use: "status [RUN]", Short: "report how a run is doing, live or not", Args: optionalRun,
		Long: `Without RUN it reports the only live run, or else the one that changed last.
--line prints one line for a status bar and never fails; tmux shows the ## in it
as #:

  set -g status-right '#(nasnet status --line --width 40)'      in ~/.tmux.conf`,
		RunE: func(c *cobra.Command, args []string) error {
			if line {
				st, err := askedStatus(a, c.Context(), args, lineTime)
				a.say("%s\n", term.Line(statusLine(st, err, width)))
				return nil
			}
			st, err := askedStatus(a, c.Context(), args, lookTime)
			if err != nil {
				return err
			}
			if st.Control == nil { // read from the store
				if st.Verdict, err = audit.Verdict(st.Dir); err != nil {
					return err
				}
				if st.Verdict != nil {
					st.Verdict.Tops = nil
				}
			}
			return printStatus(a, st)
		}}
	c.Flags().BoolVar(&line, "line", false, "print one line for a status bar")
	c.Flags().IntVar(&width, "width", 0, "most columns of that line (0: unlimited)")
	return c
}

// lineTime is how long a status bar waits for a live run before it reads the store.
const lineTime = 100 * time.Millisecond

// askedStatus returns the status of the run in args, or of the only live one, or of the one that changed last. It asks
// the process that has the run; without one, or without an answer, it reads the store.
func askedStatus(a *app, ctx context.Context, args []string, patience time.Duration) (remote.Status, error) {
	if len(args) > 0 {
		dir, err := a.store.runDir(args[0])
		if err != nil {
			return remote.Status{}, err
		}
		return statusOf(ctx, dir, patience)
	}
	runs := a.store.liveRuns(ctx, patience)
	if len(runs) > 1 {
		var names []string
		for _, r := range runs {
			names = append(names, r.status.Name)
		}
		return remote.Status{}, usagef("%d runs are live; name one of: %s", len(runs), strings.Join(names, ", "))
	}
	if len(runs) == 1 {
		return runs[0].status, nil
	}
	dir, err := a.store.newestRun()
	if err != nil {
		return remote.Status{}, err
	}
	return statusOf(ctx, dir, patience)
}

func statusOf(ctx context.Context, dir string, patience time.Duration) (remote.Status, error) {
	if st, err := look(ctx, dir, patience); err == nil {
		return st, nil
	}
	r := checkpoints.Summary(dir)
	if r.Err != nil {
		return remote.Status{}, r.Err
	}
	st := remote.Status{Time: r.Run.Updated, Name: r.Run.Name, Dir: dir, UUID: r.Run.UUID, State: r.Status,
		Live: r.Live, PID: r.PID, Host: r.Host, Children: r.Run.Target,
		Proposed: r.Proposed, Finished: r.Done + r.Failed, Failed: r.Failed, Updates: r.Version, Lost: r.Lost,
		Activity: remote.Activity{Elapsed: r.Run.Elapsed.Seconds()}}
	if c, err := nas.ParseConfig(r.Run.Config); err == nil { // on an error, only the cost is missing
		st.Cost = c.Cost
	}
	if r.BestTrial >= 0 {
		st.BestTrial, st.Best = &r.BestTrial, r.Best
	}
	return st, nil
}

// printStatus prints the essentials of a run, one fact per line.
func printStatus(a *app, s remote.Status) error {
	return a.print(s, func(w io.Writer) {
		state := s.State
		if s.Reason != "" {
			state += ": " + s.Reason
		}
		fmt.Fprintf(w, "run       %s, %s\n", term.Line(s.Name), term.Line(state))
		fmt.Fprintf(w, "children  %d of %d finished, %d failed, %s\n", s.Finished, s.Children, s.Failed,
			nas.FormatCount(s.Updates, "update", "updates"))
		if s.BestTrial != nil {
			fmt.Fprintf(w, "best      %.4f, trial %s", s.Best, nas.TrialLabel(*s.BestTrial))
			if s.Accuracy > 0 && s.Cost.By != "" {
				fmt.Fprintf(w, ", accuracy %.4f", s.Accuracy)
			}
			if s.Latency > 0 {
				fmt.Fprintf(w, ", %.3g ms per image", s.Latency)
			}
			if s.BestCell != "" {
				fmt.Fprintf(w, ", cell %s\n          %s", s.BestCell, s.Genotype)
			}
			fmt.Fprintln(w)
		}
		if s.Cost.By != "" {
			fmt.Fprintf(w, "reward    %s\n", costText(s.Cost))
		}
		if s.Lost > 0 {
			fmt.Fprintf(w, "lost      %s in the database, still in log.jsonl; to restore: %s\n",
				nas.FormatCount(int(s.Lost), "event", "events"), term.Line(a.store.command("resume", s.Dir)))
		}
		if s.Verdict != nil {
			fmt.Fprintf(w, "verdict   %s\n", s.Verdict.Text)
		}
		for _, c := range s.Running {
			fmt.Fprintf(w, "%-9s %s, cell %s, %s, epoch %d of %d, %.0f%%\n", c.State, nas.TrialLabel(c.Trial), c.Cell,
				c.Kind, c.Epoch, c.Epochs, 100*c.Progress)
		}
		fmt.Fprintf(w, "time      %s", span(s.Elapsed))
		if s.Control != nil {
			fmt.Fprintf(w, ", %.0f images/s, %s", s.ImageRate, nas.FormatCount(s.Workers, "worker", "workers"))
		}
		if s.ETA > 0 {
			fmt.Fprintf(w, ", %s to go", span(s.ETA))
		}
		fmt.Fprintln(w)
		switch {
		case s.Live:
			fmt.Fprintf(w, "process   %d%s\n", s.PID, attachedText(s.Control))
		default:
			fmt.Fprintf(w, "process   none since %s\n", s.Time.Local().Format("2006-01-02 15:04"))
		}
	})
}

// attachedText says which screens show a live run.
func attachedText(c *nas.Control) string {
	if c == nil {
		return ", does not answer"
	}
	holder := "no screen"
	switch {
	case c.Holder == (nas.Holder{}):
	case c.Holder.TTY == "":
		holder = fmt.Sprintf("process %d", c.Holder.PID)
	default:
		holder = fmt.Sprintf("%s (process %d)", c.Holder.TTY, c.Holder.PID)
	}
	return fmt.Sprintf(", %s has control, %s", holder, nas.FormatCount(c.Viewers, "watches", "watch"))
}

// statusLine describes a run in at most width columns, dropping the least important parts first; 0 is unlimited. It
// doubles every #, because tmux reads # as the start of a format or a style.
func statusLine(s remote.Status, err error, width int) string {
	g := term.GlyphsOf(term.Detect(os.Getenv))
	if width <= 0 {
		width = math.MaxInt
	}
	tries := []string{"nasnet " + g.None, g.None}
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		tries = append([]string{"nasnet: " + first}, tries...)
	} else {
		sign, ok := map[string]string{string(nas.Running): g.Running, string(nas.Draining): g.Running,
			string(nas.Paused): g.Paused, string(nas.Done): g.Done,
			string(nas.Stopped): g.Stopped, string(nas.Failed): g.Failed, "crashed": g.Failed}[s.State]
		if !ok {
			sign = s.State
		}
		named, count := sign+" "+s.Name, fmt.Sprintf(" %d/%d", s.Finished, s.Children)
		best, score, training, eta := "", "", "", ""
		if s.BestTrial != nil {
			score = " " + strings.TrimPrefix(fmt.Sprintf("%.4f", s.Best), "0")
			best = " best" + score
		}
		if n := len(s.Running); n > 0 {
			training = fmt.Sprintf(" %d training", n)
		}
		if s.ETA > 0 {
			eta = " ETA " + span(s.ETA)
		}
		tries = []string{named + count + best + training + eta, named + count + best + eta, named + count + score + eta,
			named + count + score, sign + count + score, sign + count, sign}
	}
	for _, t := range tries {
		if len([]rune(t)) <= width {
			return strings.ReplaceAll(t, "#", "##")
		}
	}
	return ""
}

// span formats seconds as the screen does: 0:16, 12:31, 18h05, 10d23h.
func span(seconds float64) string {
	d := time.Duration(max(0, seconds) * float64(time.Second)).Round(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h == 0:
		return fmt.Sprintf("%d:%02d", m, s)
	case h < 24:
		return fmt.Sprintf("%dh%02d", h, m)
	}
	return fmt.Sprintf("%dd%02dh", h/24, h%24)
}
