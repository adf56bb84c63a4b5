package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"

	"nasnet/checkpoints"
	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/remote"
	"nasnet/nas/search"
	"nasnet/tui"
	"nasnet/tui/term"
)

// interactive reports whether a search shows its screen: on a terminal, unless --headless or --json ask for lines.
func (a *app) interactive(headless bool) bool {
	out, ok := a.Out.(*os.File)
	return ok && isatty.IsTerminal(out.Fd()) && os.Getenv("TERM") != "dumb" && !headless && !a.json
}

// drive runs a search with the interface, or with JSON lines where there is no terminal. Other processes can attach to
// both.
func (a *app) drive(ctx context.Context, f searchFlags, o search.Options,
	open func(search.Options) (*search.Search, error)) error {
	var forks *forkRunner
	var err error
	if a.interactive(f.headless) {
		forks = newForkRunner(a, ctx, &o)
		err = a.driveScreen(ctx, f, o, open)
	} else {
		out := newPrinter(a.Out, func(err error) {
			fmt.Fprintln(a.Err, "nasnet: warning: cannot print, the search continues:", err)
		})
		defer out.close(ctx)
		o.OnEvent = func(e nas.Event) {
			b, err := json.Marshal(e)
			if err != nil {
				fmt.Fprintf(a.Err, "nasnet: event %s: %v\n", e.Kind, err)
				return
			}
			out.print(append(term.PlainJSON(b), '\n'))
		}
		forks = newForkRunner(a, ctx, &o)
		err = a.headless(ctx, o, open)
	}
	if on := forks.running(); len(on) > 0 && ctx.Err() == nil && a.interactive(f.headless) && !a.left {
		a.leaveTerminal(on[0], filepath.Join(on[0].Dir(), "interface.log"))
	}
	return errors.Join(err, forks.wait())
}

// driveScreen runs a search with the interface.
func (a *app) driveScreen(ctx context.Context, f searchFlags, o search.Options,
	open func(search.Options) (*search.Search, error)) error {
	o.StayOpen, a.saved = true, true
	s, err := open(o)
	if err != nil {
		return a.attachHint(err)
	}
	defer s.Close()
	done := make(chan error, 1)
	uiCtx, leave := context.WithCancel(ctx)
	defer leave()
	opened := s.Snapshot().Version
	go func() {
		done <- s.Run(ctx)
		leave() // a failed search must not leave its screen open
	}()
	begin(uiCtx, s, opened)
	server := a.serve(s)
	defer a.closeServer(server, s)
	var shown nas.Engine = s
	goAway := func() {}
	if server != nil {
		screen := server.Screen(ttyName(os.Stdin))
		shown, goAway = screen, screen.Leave
	}
	out := a.Out.(*os.File)
	log := filepath.Join(s.Dir(), "interface.log")
	outcome, err := show(uiCtx, shown, a.equip(tui.Options{In: a.In, Out: out, Diff: !f.noDiff, LogPath: log,
		CanDetach: a.launcher != nil && server != nil}))
	goAway()
	switch {
	case err != nil:
		fmt.Fprintln(a.Err, "nasnet: the interface failed, the search continues without it:", err)
		a.leaveTerminal(s, log)
		return alone(ctx, s, server, done)
	case outcome == tui.Hangup:
		// an error means that the search has just ended
		_ = s.Tell(ctx, nas.TerminalGone, "the terminal is gone; the search continues without a screen")
		if a.left = true; a.launcher != nil {
			// an error means that the dead terminal is still open; the search does not need it
			_ = term.Abandon(log)
		}
		return alone(ctx, s, server, done)
	case outcome == tui.Detached:
		a.leaveTerminal(s, log)
		return alone(ctx, s, server, done)
	case outcome == tui.QuitDrain:
		s.Do(ctx, nas.Command{Do: nas.Drain}) // an error means that the search has ended
		fmt.Fprintln(a.Err, "stopping after the running children; ctrl-c stops now")
	default:
		s.Do(ctx, nas.Command{Do: nas.Stop})
	}
	if err := <-done; err != nil {
		return err
	}
	printSummary(a, s.Snapshot())
	return context.Cause(ctx)
}

// screenTime is how long a screen may take to leave the terminal after its search has ended.
const screenTime = 2 * time.Second

// show runs the interface. A suspended terminal blocks every write, so its screen never ends. Then show returns without
// it, and the launcher restores the terminal once it reads again.
func show(ctx context.Context, e nas.Engine, o tui.Options) (tui.Outcome, error) {
	type end struct {
		outcome tui.Outcome
		err     error
	}
	done := make(chan end, 1) // of size 1: show may have returned
	go func() {
		outcome, err := tui.Run(ctx, e, o)
		done <- end{outcome, err}
	}()
	select {
	case r := <-done:
		return r.outcome, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-done:
		return r.outcome, r.err
	case <-time.After(screenTime):
		return tui.Terminated, nil
	}
}

// begin waits for a snapshot newer than the opened one, in which the run is not running.
func begin(ctx context.Context, s *search.Search, opened uint64) {
	updated, cancel := s.Subscribe()
	defer cancel()
	for s.Snapshot().Version <= opened {
		select {
		case <-updated:
		case <-ctx.Done():
			return
		}
	}
}

// alone waits for a search that has lost its own screen: until it ends, or until its last child is done and no other
// screen steers it. A paused search stays paused, because another screen can attach. Where none can (server is nil),
// alone resumes it.
func alone(ctx context.Context, s *search.Search, server *remote.Server, done <-chan error) error {
	var moved <-chan struct{}
	if server != nil {
		moved = server.Moved()
	} else {
		s.Do(ctx, nas.Command{Do: nas.Resume}) // an error means that it was not paused
		for _, t := range s.Snapshot().Running {
			if t.State == nas.Paused {
				s.Do(ctx, nas.Command{Do: nas.ResumeTrial, Trial: t.ID}) // an error means that it has ended
			}
		}
	}
	ended := func() bool {
		v := s.Snapshot()
		if server == nil {
			return v.State == nas.Done || v.State == nas.Paused && v.Reason != ""
		}
		_, steered := server.Attached()
		return v.State == nas.Done && !steered
	}
	updated, cancel := s.Subscribe()
	defer cancel()
	for !ended() {
		select {
		case <-updated:
		case <-moved:
		case err := <-done:
			return err
		}
	}
	s.Do(ctx, nas.Command{Do: nas.Stop})
	return <-done
}

// headless runs a search whose events drive prints, one JSON line each. When the reader goes away, the printing ends
// and the search continues.
func (a *app) headless(ctx context.Context, o search.Options, open func(search.Options) (*search.Search, error)) error {
	s, err := open(o)
	if err != nil {
		return a.attachHint(err)
	}
	defer s.Close()
	server := a.serve(s)
	err = s.Run(ctx)
	a.closeServer(server, s)
	if err != nil {
		return hinted{err, "to resume after fixing this: " + a.store.command("resume", s.Dir())}
	}
	if a.saved = true; ctx.Err() != nil {
		fmt.Fprintln(a.Err, "stopped\nto resume:", a.store.command("resume", s.Dir()))
		return context.Cause(ctx)
	}
	return nil
}

// serve lets other processes watch and steer a search. If it cannot, it prints a warning and returns nil: the search
// does not need it.
func (a *app) serve(s *search.Search) *remote.Server {
	r, err := remote.Serve(s.Dir(), s, remote.Options{Program: program(), DataSets: namedData()})
	if err != nil {
		fmt.Fprintln(a.Err, "nasnet: warning: other terminals and scripts cannot reach this search:", err)
		return nil
	}
	return r
}

// closeServer tells attached screens how the search ended. Call it after Run has returned.
func (a *app) closeServer(r *remote.Server, s *search.Search) {
	if r == nil {
		return
	}
	v, reason := s.Snapshot(), ""
	switch {
	case v.State == nas.Done:
		reason = fmt.Sprintf("the run is done: %d of %s finished", v.Finished,
			nas.FormatCount(v.Config.Children, "child", "children"))
	case v.State == nas.Failed && v.Reason != "":
		reason = "the run cannot continue: " + v.Reason
	default:
		reason = "its process has ended; to resume: " + a.store.command("resume", s.Dir())
	}
	_ = r.Close(reason) // an error does no harm: the search is over
}

// namedData lists the data sets that have a name and need no folder.
func namedData() []string {
	return slices.DeleteFunc(dataset.Names(), func(name string) bool { return name == "folder" })
}

// program is the name under which this process connects to others.
func program() string { return "nasnet " + version }

// ttyName returns the name of a terminal below /dev, "" if the file is not a terminal.
func ttyName(f *os.File) string {
	if !isatty.IsTerminal(f.Fd()) {
		return ""
	}
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil {
		name = f.Name()
	}
	return strings.TrimPrefix(name, "/dev/")
}

// attachHint adds hints to the error that another process has the run.
func (a *app) attachHint(err error) error {
	locked := new(checkpoints.LockedError)
	if !errors.As(err, &locked) {
		return err
	}
	return hinted{err, "to watch it: " + a.store.command("attach", locked.Dir) + "\nto stop it: " +
		a.store.command("ctl", locked.Dir, "stop")}
}

// leaveTerminal tells the user how to come back, and returns the terminal to the shell if there is a launcher.
func (a *app) leaveTerminal(s *search.Search, log string) {
	a.left = true
	a.say("run %s continues without a screen in process %d\nto come back: %s\nto stop it: %s\n", s.Config().Name,
		os.Getpid(), a.store.command("attach", s.Dir()), a.store.command("ctl", s.Dir(), "stop"))
	if a.launcher == nil {
		a.say("or press ctrl-c\n")
		return
	}
	if err := a.launcher.release(log); err != nil {
		fmt.Fprintln(a.Err, "nasnet: warning: cannot return the terminal to the shell; ctrl-c stops the search:", err)
	}
}

// printSummary prints what stays in the terminal after the interface: the best cell, the verdict, how to resume.
func printSummary(a *app, v *nas.Snapshot) {
	w := term.Plain(a.Out)
	fmt.Fprintf(w, "run %s: %d of %s finished, %s\n", v.Config.Name, v.Finished,
		nas.FormatCount(v.Config.Children, "child", "children"), nas.FormatCount(v.Policy.Version, "update", "updates"))
	if b := v.Best; b != nil {
		fmt.Fprintf(w, "best: trial %s, reward %.4f, cell %s\n  %s\n", b.Label(), b.Reward, b.Cell, b.Genotype.Text())
	}
	if v.Verdict != nil {
		fmt.Fprintf(w, "against random search: %s\n", v.Verdict.Text)
		if top := v.Verdict.TopText(); top != "" {
			fmt.Fprintln(w, "  "+top)
		}
	}
	if v.State != nas.Done {
		fmt.Fprintf(w, "to resume: %s\n", a.store.command("resume", v.Dir))
	}
}
