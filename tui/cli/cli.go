// Package cli is nasnet's command line: one table of commands, one file each. It parses flags, calls the other
// packages, prints, and chooses the exit code; it computes nothing itself.
//
// Commands print text for people, or JSON with --json: one object per line. Errors go to the standard error, hints
// follow on their own lines.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"nasnet/checkpoints"
	"nasnet/nas"
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

// app is what all commands share. Only the interface and exported files write to Out; text for people goes through
// [app.print] and [app.say].
type app struct {
	Streams            // Err escapes control characters, so that text from outside is harmless
	over     io.Writer // Err unescaped, for progress lines that overwrite themselves
	args     []string  // of the command line
	store    store     // --store
	json     bool      // --json
	saved    bool      // interrupted work is kept and can continue, so SIGTERM is not a failure
	left     bool      // the terminal was returned to the shell, or is gone
	launcher *launcher // the process between this one and the shell, or nil
	stop     chan os.Signal
	keys     tui.Keys       // of the interface
	surveys  surveys        // of folders of images
	commands *cobra.Command // the program, for completion
}

// Main runs the command line and returns the exit code. SIGINT or SIGTERM cancels the command, which then shuts down in
// order; a second signal ends the process.
func Main(ctx context.Context, args []string, io Streams) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A closed pipe or terminal must end the output, not the work; a file at its size limit is a write error. Nothing
	// reads this channel: the interface subscribes to SIGHUP itself.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGHUP, syscall.SIGXFSZ)
	a := &app{Streams: io, args: args, launcher: adoptLauncher(), stop: make(chan os.Signal, 2), over: io.Err}
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

// endOnSignal cancels at the first signal and ends the process at the second. A signal to the whole job arrives twice,
// directly and from the launcher, and counts once.
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

// interrupted is the cause of a context that a signal cancelled.
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

// report prints the error with its hints and returns the exit code.
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
		return exitFailed // the reader has left
	}
	fmt.Fprintln(a.Err, "nasnet:", err)
	hints := hintsOf(err)
	if d := new(checkpoints.DamagedError); errors.As(err, &d) { // before anything else can be done
		hints = []string{"to rebuild its database: " + a.store.command("recover", d.Dir)}
	}
	for _, hint := range hints {
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
	{"Keep and check", []func(*app) *cobra.Command{runsCommand, recoverCommand, deleteCommand, verifyCommand,
		checkCommand,
		benchCommand}},
	{"Set up", []func(*app) *cobra.Command{dataCommand, keysCommand, helpCommand, manCommand, versionCommand}},
}

// root is the program itself: without a command it starts a search.
func (a *app) root() *cobra.Command {
	root := searchCommand(a)
	root.Use = "nasnet"
	root.Short = "neural architecture search as NASNet did it, steered from a terminal"
	root.Long = root.Short + ".\n\nWithout a command it starts a search (see nasnet search --help).\n" +
		"source <(nasnet completion bash) lets bash complete commands, runs, trials, cells and more.\n\n" +
		"Exit codes:\n\n  " +
		strings.ReplaceAll(strings.TrimSuffix(exitCodeText(), "\n"), "\n", "\n  ")
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return hinted{usageError{err}, "to list the flags: " + c.CommandPath() + " --help"}
	})
	root.PersistentFlags().StringVar((*string)(&a.store), "store", defaultStore(), "folder of the runs")
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

// group is a command with nothing but subcommands.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.ArbitraryArgs,
		RunE: needsCommand}
	c.AddCommand(subs...)
	return c
}

// needsCommand reports that a group lacks a known command.
func needsCommand(c *cobra.Command, args []string) error {
	var names []string
	for _, s := range c.Commands() {
		names = append(names, s.Name())
	}
	got := "no command"
	if len(args) > 0 {
		got = strconv.Quote(args[0])
	}
	return usagef("%s: got %s; want one of %s", c.CommandPath(), got, strings.Join(names, ", "))
}

// args accepts exactly these arguments.
func args(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, got []string) error {
		if len(got) != len(names) {
			return usagef("%s: got %s; want %s", c.CommandPath(),
				nas.FormatCount(len(got), "argument", "arguments"), strings.Join(names, " "))
		}
		return nil
	}
}

// noArgs accepts no arguments. On the root, an argument is an unknown command.
func noArgs(c *cobra.Command, got []string) error {
	if len(got) == 0 {
		return nil
	}
	if c.HasParent() {
		return usagef("%s takes no arguments; got %q", c.CommandPath(), got[0])
	}
	return hinted{usagef("there is no command %q", got[0]), "to list the commands: nasnet help"}
}

// print writes v as JSON with --json, else what text writes.
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

// say prints text for people. It escapes control characters, because names and messages may come from outside.
func (a *app) say(format string, args ...any) { fmt.Fprintf(term.Plain(a.Out), format, args...) }

// stickyWriter keeps the first error and drops what follows.
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
