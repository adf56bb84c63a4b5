// Package cli is nasnet's command line: one table of commands, one file each. It parses, calls, prints and chooses the
// exit code; it computes nothing.
//
// Commands print for people; with --json they print JSON for scripts, one object a line where there is more than one.
// Errors go to the standard error with a hint on a line of its own.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"nasnet/checkpoints"
	"nasnet/nas/kernel"
	"nasnet/tui"
	"nasnet/tui/term"
)

// Exit codes; [exitCodes] says what they mean.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitLocked      = 73 // EX_CANTCREAT of sysexits.h
	exitIO          = 74 // EX_IOERR
	exitInterrupted = 130
)

var exitCodes = []struct {
	code    int
	meaning string
}{
	{exitDone, "done, or ended in order by SIGTERM with everything kept"},
	{exitFailed, "failed; the message says why"},
	{exitUsage, "a mistake in the command line"},
	{exitLocked, "another process has the run open"},
	{exitIO, "a run's files cannot be read or written"},
	{exitInterrupted, "interrupted"},
}

// exitCodeText lists the exit codes, one a line.
func exitCodeText() string {
	var b strings.Builder
	for _, e := range exitCodes {
		fmt.Fprintf(&b, "%-4d %s\n", e.code, e.meaning)
	}
	return b.String()
}

// Streams are the three streams of a process.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// app is what all commands share. Out is for the interface, and for files that are asked for; text for people goes
// through [app.print] and [app.say].
type app struct {
	Streams            // Err is plain: what comes from outside is shown there and not obeyed
	over     io.Writer // the error stream for lines of numbers that are written over
	store    store     // --store
	json     bool      // --json
	saved    bool      // what was interrupted is kept and can go on: being told to end is no failure
	left     bool      // the terminal was given back, or is gone
	launcher *launcher // the process between this one and the shell, nil if there is none
	stop     chan os.Signal
	keys     tui.Keys       // of the interface
	surveys  surveys        // of folders of images
	commands *cobra.Command // the program, for completion
}

// Main runs the command line and returns the exit code. SIGINT and SIGTERM cancel what runs, which then ends in order;
// a second one ends the process.
func Main(ctx context.Context, args []string, io Streams) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A closed pipe or terminal must end what is shown, not the work, and a file at its limit is an error of the write.
	// Nobody reads these signals here: the interface asks for SIGHUP itself.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGHUP, syscall.SIGXFSZ)
	a := &app{Streams: io, launcher: adoptLauncher(), stop: make(chan os.Signal, 2), over: io.Err}
	a.Err = term.Plain(io.Err)
	signal.Notify(a.stop, os.Interrupt, syscall.SIGTERM)
	go a.endOnSignal(cancel)
	if err := kernel.ArchError(); err != nil {
		return a.report(usageError{err}, nil)
	}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(io.In)
	root.SetOut(io.Out)
	root.SetErr(io.Err)
	c, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if line := a.didYouMean(c, args, err); line != "" {
		err = hinted{err, strings.Join(append([]string{"did you mean: " + line}, hintsOf(err)...), "\n")}
	}
	return a.report(err, context.Cause(ctx))
}

// endOnSignal cancels at the first signal and ends the process at the second. A signal to the whole job comes twice, by
// itself and from the launcher, and counts once.
func (a *app) endOnSignal(cancel context.CancelCauseFunc) {
	var passed chan os.Signal
	if a.launcher != nil {
		passed = a.launcher.passed
	}
	for own, other := 0, 0; own < 2 && other < 2; {
		var sig os.Signal
		select {
		case sig = <-a.stop:
			own++
		case sig = <-passed:
			other++
		}
		cancel(interrupted{sig}) // the first counts
	}
	os.Exit(exitInterrupted)
}

// interrupted is the cause with which a signal ends the context.
type interrupted struct{ os.Signal }

func (i interrupted) Error() string { return "interrupted: " + i.String() }

// usageError is a mistake in the command line.
type usageError struct{ error }

func (u usageError) Unwrap() error { return u.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// hinted is an error with advice: one or more lines, each with a command that can be pasted into a shell.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// hintsOf returns the lines of advice in an error, of each of several joined ones.
func hintsOf(err error) (lines []string) {
	var h hinted
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			lines = append(lines, hintsOf(e)...)
		}
	} else if errors.As(err, &h) {
		lines = strings.Split(h.hint, "\n")
	}
	return lines
}

// report prints the error for a person and chooses the exit code.
func (a *app) report(err, cause error) int {
	var sig interrupted
	if errors.As(cause, &sig) && (errors.Is(err, context.Canceled) || errors.As(err, new(interrupted))) {
		if sig.Signal == syscall.SIGTERM && a.saved {
			return exitDone
		}
		return exitInterrupted
	}
	if code := exitCode(0); errors.As(err, &code) {
		return int(code)
	}
	if errors.Is(err, syscall.EPIPE) {
		return exitFailed // the reader has gone, and knows it
	}
	fmt.Fprintln(a.Err, "nasnet:", err)
	for _, hint := range hintsOf(err) {
		fmt.Fprintln(a.Err, "hint:", hint)
	}
	switch {
	case errors.Is(err, checkpoints.ErrLocked):
		return exitLocked
	case errors.Is(err, checkpoints.ErrIO), errors.Is(err, checkpoints.ErrReplaced):
		return exitIO
	case errors.As(err, new(usageError)):
		return exitUsage
	}
	return exitFailed
}

// commands is the table of commands, each in the file of its name, under the titles of nasnet help.
var commands = []struct {
	title string
	make  []func(*app) *cobra.Command
}{
	{"Search and steer", []func(*app) *cobra.Command{searchCommand, resumeCommand, attachCommand, forkCommand,
		statusCommand, ctlCommand}},
	{"Pick cells", []func(*app) *cobra.Command{topCommand, cellCommand, ladderCommand}},
	{"Train and use networks", []func(*app) *cobra.Command{trainCommand, evalCommand, predictCommand, exportCommand}},
	{"Keep and check", []func(*app) *cobra.Command{runsCommand, deleteCommand, verifyCommand, checkCommand,
		benchCommand}},
	{"Set up", []func(*app) *cobra.Command{dataCommand, keysCommand, helpCommand, manCommand, versionCommand}},
}

// root is the program itself: without a command it starts a search.
func (a *app) root() *cobra.Command {
	root := searchCommand(a)
	root.Use = "nasnet"
	root.Short = "neural architecture search as NASNet did it, steered from a terminal"
	root.Long = root.Short + ".\n\nWithout a command it starts a search (see nasnet search --help).\n" +
		"source <(nasnet completion bash) lets bash complete commands, runs, trials, cells and more.\n\nExit codes:\n" +
		strings.TrimSuffix(exitCodeText(), "\n")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return hinted{usageError{err}, c.CommandPath() + " --help lists the flags"}
	})
	root.PersistentFlags().StringVar((*string)(&a.store), "store", defaultStore(), "folder that holds the runs")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	for _, g := range commands {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, make := range g.make {
			c := make(a)
			c.GroupID = g.title
			if c.Name() == "help" {
				root.SetHelpCommand(c)
			} else {
				root.AddCommand(c)
			}
		}
	}
	a.addCompletion(root)
	ofCommand := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if c != root {
			ofCommand(c, args)
		} else if err := a.page(overview(root)); err != nil {
			fmt.Fprintln(a.Err, "nasnet:", err)
		}
	})
	return root
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs,
		RunE: needsCommand}
	c.AddCommand(subs...)
	return c
}

// needsCommand says which commands a group has.
func needsCommand(c *cobra.Command, _ []string) error {
	var names []string
	for _, s := range c.Commands() {
		names = append(names, s.Name())
	}
	return usagef("%s wants one of: %s", c.CommandPath(), strings.Join(names, ", "))
}

// args checks the number of arguments and says which are wanted.
func args(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, got []string) error {
		if len(got) != len(names) {
			return usagef("%s: got %d arguments; want %d: %s", c.CommandPath(), len(got), len(names),
				strings.Join(names, " "))
		}
		return nil
	}
}

// noArgs refuses arguments; a word that is no command is named as such.
func noArgs(c *cobra.Command, got []string) error {
	if len(got) == 0 {
		return nil
	}
	if c.HasParent() {
		return usagef("%s takes no arguments; got %q", c.CommandPath(), got[0])
	}
	return hinted{usagef("there is no command %q", got[0]), "nasnet --help lists the commands"}
}

// print writes v as JSON, or calls text, as --json says.
func (a *app) print(v any, text func(w io.Writer)) error {
	if !a.json {
		w := &stickyWriter{w: term.Plain(a.Out)}
		text(w)
		return w.err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.Out, "%s\n", term.PlainJSON(b))
	return err
}

// say writes text for a person, in which names and messages from outside may stand.
func (a *app) say(format string, args ...any) { fmt.Fprintf(term.Plain(a.Out), format, args...) }

// stickyWriter keeps the first error and writes nothing after it.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (s *stickyWriter) Write(b []byte) (int, error) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
	return len(b), s.err
}
