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

// interactive says that a search is shown on a terminal.
func (a *app) interactive(headless bool) bool {
	out, ok := a.Out.(*os.File)
	return ok && isatty.IsTerminal(out.Fd()) && os.Getenv("TERM") != "dumb" && !headless && !a.json
}

// drive runs a search with the interface, or with JSON lines where there is no terminal. Either way other processes can
// attach to it.
func (a *app) drive(ctx context.Context, f searchFlags, o search.Options,
	open func(search.Options) (*search.Search, error)) error {
	var forks *forkRunner
	var err error
	if a.interactive(f.headless) {
		forks = newForkRunner(a, ctx, &o)
		err = a.driveScreen(ctx, f, o, open)
	} else {
		out := newPrinter(a.Out, func(err error) {
			fmt.Fprintln(a.Err, "nasnet: the output is closed; the search goes on:", err)
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
		leave() // a search that cannot go on must not leave its screen standing
	}()
	begin(uiCtx, s, opened)
	server := a.serve(s)
	defer closeServer(server, s)
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
		fmt.Fprintln(a.Err, "nasnet: the interface failed; the search goes on without it:", err)
		a.leaveTerminal(s, log)
		return alone(ctx, s, server, done)
	case outcome == tui.Hangup:
		// an error says that it has ended just now
		_ = s.Tell(ctx, nas.TerminalGone, "the terminal is gone; the search goes on without a screen")
		if a.left = true; a.launcher != nil {
			// an error says that something still holds the dead terminal; the search does not need it
			_ = term.Abandon(log)
		}
		return alone(ctx, s, server, done)
	case outcome == tui.Detached:
		a.leaveTerminal(s, log)
		return alone(ctx, s, server, done)
	case outcome == tui.QuitDrain:
		s.Do(ctx, nas.Command{Do: nas.Drain}) // an error says that the search has ended, which is what is wanted
		fmt.Fprintln(a.Err, "ending after the running children; ctrl-c ends now")
	default:
		s.Do(ctx, nas.Command{Do: nas.Stop})
	}
	if err := <-done; err != nil {
		return err
	}
	printSummary(a, s.Snapshot())
	return context.Cause(ctx)
}

// screenTime is how long a screen may take to leave the terminal when its search has ended.
const screenTime = 2 * time.Second

// show runs the interface. A terminal that is stopped takes nothing, and the screen on it never ends; then the search
// ends without it, and the launcher puts the terminal in order when it takes something again.
func show(ctx context.Context, e nas.Engine, o tui.Options) (tui.Outcome, error) {
	type end struct {
		outcome tui.Outcome
		err     error
	}
	done := make(chan end, 1) // of size 1: nobody may be there to take it
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

// begin waits for the first snapshot that is newer than the one of the run as it was opened, which says that nobody
// runs it.
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

// alone waits for a search whose own screen is gone: until its end, or until its last child is done and no other screen
// steers it. What is paused stays so, since another screen can attach; where none can, it goes on.
func alone(ctx context.Context, s *search.Search, server *remote.Server, done <-chan error) error {
	var moved <-chan struct{}
	if server != nil {
		moved = server.Moved()
	} else {
		s.Do(ctx, nas.Command{Do: nas.Resume}) // an error says that it was not paused
		for _, t := range s.Snapshot().Running {
			if t.State == nas.Paused {
				s.Do(ctx, nas.Command{Do: nas.ResumeTrial, Trial: t.ID}) // an error says that it has ended
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

// headless runs a search whose events drive prints, each as one JSON line. A reader that goes away ends the printing,
// not the search.
func (a *app) headless(ctx context.Context, o search.Options, open func(search.Options) (*search.Search, error)) error {
	s, err := open(o)
	if err != nil {
		return a.attachHint(err)
	}
	defer s.Close()
	server := a.serve(s)
	err = s.Run(ctx)
	closeServer(server, s)
	if err != nil {
		return hinted{err, "when what failed is mended, go on with: " + a.store.resumeHint(s.Config().Name)}
	}
	if a.saved = true; ctx.Err() != nil {
		fmt.Fprintf(a.Err, "stopped; go on with: %s\n", a.store.resumeHint(s.Config().Name))
		return context.Cause(ctx)
	}
	return nil
}

// serve lets other processes see and steer a search. Where that cannot be, it says why and returns nil: the search does
// not need it.
func (a *app) serve(s *search.Search) *remote.Server {
	r, err := remote.Serve(s.Dir(), s, remote.Options{Program: program(), DataSets: namedData()})
	if err != nil {
		fmt.Fprintln(a.Err, "nasnet: warning: no other terminal and no script can reach this search:", err)
		return nil
	}
	return r
}

// closeServer tells those who are attached how the search ended. Call it after its Run has returned.
func closeServer(r *remote.Server, s *search.Search) {
	if r == nil {
		return
	}
	v, reason := s.Snapshot(), ""
	switch {
	case v.State == nas.Done:
		reason = fmt.Sprintf("the run is done: %d of %d children have an end", v.Finished, v.Config.Children)
	case v.State == nas.Failed && v.Reason != "":
		reason = "the run cannot go on: " + v.Reason
	default:
		reason = "the program that runs it has ended; nasnet resume " + v.Config.Name + " goes on"
	}
	_ = r.Close(reason) // an error says that nobody could connect any more; the search is over
}

// namedData are the data sets that are known by a name and need no folder.
func namedData() []string {
	return slices.DeleteFunc(dataset.Names(), func(name string) bool { return name == "folder" })
}

// program is what this program calls itself to others.
func program() string { return "nasnet " + version }

// ttyName is the name of a terminal as /dev has it, empty if the file is no terminal.
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

// attachHint adds to the error of a run that another process has how to see it.
func (a *app) attachHint(err error) error {
	locked := new(checkpoints.LockedError)
	if !errors.As(err, &locked) {
		return err
	}
	return hinted{err, fmt.Sprintf("nasnet attach %s%s shows it, nasnet ctl %[1]s stop%[2]s ends it",
		filepath.Base(locked.Dir), a.store.flag())}
}

// leaveTerminal tells the user how to come back, and gives the terminal back to the shell if there is a launcher that
// lets it.
func (a *app) leaveTerminal(s *search.Search, log string) {
	name := s.Config().Name
	a.left = true
	a.say("run %s goes on without a screen, in process %d\ncome back with: nasnet attach %[1]s%[3]s\nend it with: "+
		"nasnet ctl %[1]s stop%[3]s\n", name, os.Getpid(), a.store.flag())
	if a.launcher == nil {
		a.say("or with ctrl-c\n")
		return
	}
	if err := a.launcher.release(log); err != nil {
		fmt.Fprintln(a.Err, "nasnet: the terminal cannot be given back; ctrl-c ends the search:", err)
	}
}

// printSummary is what stays in the terminal after the interface: what was found, and how to go on.
func printSummary(a *app, v *nas.Snapshot) {
	w := term.Plain(a.Out)
	fmt.Fprintf(w, "run %s: %d of %d proposals have an end, %d updates\n", v.Config.Name, v.Finished, v.Config.Children,
		v.Policy.Version)
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
		fmt.Fprintf(w, "go on with: %s\n", a.store.resumeHint(v.Config.Name))
	}
}
