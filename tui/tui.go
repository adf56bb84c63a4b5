// Package tui is the terminal interface of a search: it draws a [nas.Snapshot] and turns keys into [nas.Command]s. It
// has no power that the command line lacks, keeps no state of the search, and can never slow training: it takes the
// newest snapshot at most ten times a second.
//
// # How it is made
//
// One Bubble Tea model (model.go) holds the newest snapshot and a stack of screens; the dashboard is at the bottom. A
// screen is a plain struct with a cursor; its view is a function of snapshot, size and cursor. Update does no I/O: what
// a key asks of the engine happens in a tea.Cmd, and the answer comes back as a message, shown above the footer.
//
// The key table in keys.go drives dispatch, the footer and the help; all looks are in theme.go. Package celldraw draws
// cells, package chart draws charts, and package term knows what the terminal can show and sends it.
//
// To add a screen: write a struct with the methods of [screen] in its own file, and give it a row in the key table and
// one in screens.
package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	xterm "github.com/charmbracelet/x/term"
	"golang.org/x/sys/unix"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
	"nasnet/tui/term"
)

// Options is what [Run] needs besides the engine.
type Options struct {
	In        io.Reader // nil: standard input
	Out       io.Writer // nil: standard output
	Diff      bool      // send the terminal only the cells of a frame that changed
	Keys      Keys      // the zero value: the default keys
	CanDetach bool      // the search can continue without this screen
	// file for the stack of a panic, and for whatever is printed while the screen is up; empty: the stack goes to
	// standard error only, and nothing is diverted
	LogPath  string
	Version  string   // shown in the help
	DataSets []string // names that the retrain form offers

	// returns the run as the user last saw it, so that the start can show what happened since; nil: not known
	Seen func(dir string) *nas.Snapshot
	// receives the run as the user last saw it, when the screen ends
	Left func(*nas.Snapshot)
	// lists the store; nil: it is not shown
	Runs func(context.Context) ([]RunRow, error)
	// reads the rewards of a run; nil: they are not shown
	RunCurve func(context.Context, RunRow) (RunCurve, error)
	// resumes a run in a process of its own; nil: not from here
	ResumeRun func(context.Context, RunRow) error
	// deletes a run that no process owns; nil: not from here
	DeleteRun func(context.Context, RunRow) error
	// opens a run to look at it; nil: none can be opened
	OpenRun func(context.Context, RunRow) (e nas.Engine, close func(), err error)
	// writes a file that belongs to the run in dir; nil: none are written
	Write func(dir, name string, content []byte) (path string, err error)
	// counts the cost of a network; nil: costs of edited cells are not shown
	Cost func(space.Genotype, child.NetConfig) (Cost, error)
	// measures the latency of a training's network and of its ops, one image on one thread first; nil: not from here
	Latency func(space.Genotype, nas.RetrainSpec) (child.Latency, error)
	// counts the cost of a training; nil: the cost of a retrain is not shown
	Plan func(space.Genotype, nas.RetrainSpec) (Plan, error)

	// measures how long a training takes here, in seconds; nil: not from here
	Estimate func(context.Context, space.Genotype, nas.RetrainSpec) (child.Estimate, error)
}

// Outcome says how the interface ended, and so what should happen to the search.
type Outcome string

const (
	Finished   Outcome = "finished"   // the run had finished before the user left
	QuitStop   Outcome = "stop"       // the user asked to stop now
	QuitDrain  Outcome = "drain"      // the user asked to end after the running children; they may still run
	Detached   Outcome = "detached"   // the user left; the search continues
	Hangup     Outcome = "hangup"     // the terminal went away
	Terminated Outcome = "terminated" // ctx ended, or the process got SIGTERM or SIGINT
)

const fps = 10 // most frames a second; the renderer's ticker is all that an idle screen costs

// Run shows the search on the terminal until the user leaves, the terminal goes away or ctx ends, and leaves the
// terminal as it was. An error means that the interface itself broke; the search is unaffected. While it is active, Run
// handles SIGHUP, SIGINT, SIGTERM, SIGQUIT and SIGCONT.
func Run(ctx context.Context, e nas.Engine, o Options) (Outcome, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	restore := func() {}
	defer func() { restore() }()
	looks, colours := detectTheme()
	m := newModel(ctx, e, o, looks)
	m.palette = colours
	m.seeControl()

	opts := []tea.ProgramOption{tea.WithAltScreen(), tea.WithFPS(fps), tea.WithoutSignalHandler(), tea.WithContext(ctx)}
	if o.In != nil && o.In != os.Stdin {
		opts = append(opts, tea.WithInput(o.In))
	}
	out := o.Out
	if out == nil {
		out = os.Stdout
	}
	redraw := func() {}
	if f, ok := out.(*os.File); ok {
		if o.LogPath != "" && xterm.IsTerminal(f.Fd()) {
			tty, undo, err := term.Divert(f, o.LogPath)
			if err != nil {
				return "", fmt.Errorf("tui: %w", err)
			}
			restore = sync.OnceFunc(undo)
			f, out = tty, tty
		}
		m.tty = f
		if w, h, err := xterm.GetSize(f.Fd()); err == nil {
			m.w, m.h = w, h
		}
		if o.Diff {
			d := term.NewDiffer(f)
			out, redraw = d, d.Invalidate
		}
	}
	if o.Seen != nil {
		m.away(o.Seen(m.snap.Dir), leftAfter)
	}
	if o.Left != nil {
		defer func() { o.Left(slices.Concat(m.visits, []runView{m.runView})[0].snap) }()
	}
	m.clip = clipboard(out)
	p := tea.NewProgram(m, append(opts, tea.WithOutput(out))...)
	m.program, m.suspends = p, underShell()

	ended := make(chan Outcome, 1)
	stop := watchSignals(ctx, p, ended, redraw)
	_, err := p.Run()
	if m.leave != nil {
		m.leave()
	}
	quit := stop()
	restore() // from here on standard error is the terminal again

	switch {
	case m.crash != nil:
		return "", m.crash.report(o.LogPath)
	case len(ended) > 0:
		return <-ended, nil
	case quit != nil:
		raise(quit)
	case errors.Is(err, tea.ErrProgramPanic):
		return "", fmt.Errorf("tui: %w", err)
	case ctx.Err() != nil:
		return Terminated, nil
	case errors.Is(err, syscall.EIO), errors.Is(err, os.ErrClosed):
		return Hangup, nil
	case err != nil:
		return "", fmt.Errorf("tui: %w", err)
	}
	return m.outcome, nil
}

// watchSignals ends the program when a signal asks for it, and sends the outcome to ended. The function it returns
// stops watching and returns a SIGQUIT if one came, so that it can take its usual effect once the terminal is restored.
func watchSignals(ctx context.Context, p *tea.Program, ended chan<- Outcome, redraw func()) (stop func() os.Signal) {
	c := make(chan os.Signal, 4) // signals that nobody receives at once are dropped
	signal.Notify(c, syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGCONT)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	var quit os.Signal
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-c:
				switch s {
				case syscall.SIGCONT:
					redraw()
					continue
				case syscall.SIGHUP:
					ended <- Hangup
				case syscall.SIGQUIT:
					quit = s
				default:
					ended <- Terminated
				}
				p.Kill()
				return
			}
		}
	}()
	return func() os.Signal {
		cancel()
		<-done
		signal.Stop(c)
		return quit
	}
}

// underShell reports whether a shell with job control started the program, in a process group of its own. Elsewhere the
// kernel discards SIGTSTP, and Bubble Tea would wait forever for the SIGCONT.
func underShell() bool {
	session, err := unix.Getsid(0)
	return err == nil && session != unix.Getpgrp()
}

// raise sends the process a signal with its default effect.
func raise(s os.Signal) {
	signal.Reset(s)
	if n, ok := s.(syscall.Signal); ok {
		_ = syscall.Kill(os.Getpid(), n)
		time.Sleep(time.Second)
	}
}

// crash is a panic of the interface, kept until the terminal is restored.
type crash struct {
	where string
	value any
	stack []byte
}

// report writes the stack to the log and to standard error, and returns the error for the caller.
func (c *crash) report(logPath string) error {
	text := fmt.Sprintf("%s panic in %s: %v\n%s\n", time.Now().Format(time.RFC3339), c.where, c.value, c.stack)
	fmt.Fprint(os.Stderr, text)
	if logPath != "" {
		if f, err := term.AppendTo(logPath); err == nil {
			_, _ = f.WriteString(text)
			_ = f.Close()
		}
	}
	return fmt.Errorf("tui: panic in %s: %v", c.where, c.value)
}
