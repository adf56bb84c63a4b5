package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/record"
	"nasnet/nas/remote"
	"nasnet/nas/setting"
)

// ctlAction is one action of nasnet ctl on a live run.
type ctlAction struct {
	name, args, help string
	do               nas.Action
	flags            string // its flags, separated by spaces, without those of settings
}

// takes lists all flags of the action.
func (x ctlAction) takes() []string {
	names := strings.Fields(x.flags)
	switch x.do {
	case nas.Retrain:
		names = append(names, child.Settings.For(setting.Train).Names()...)
	case nas.Fork:
		names = append(names, nas.Settings().For(setting.Fork).Names()...)
	}
	return names
}

// ctlSettings adds the flags of all settings that an action may change. They have no defaults: without a flag, the run
// or a preset decides.
func ctlSettings(fs *pflag.FlagSet) {
	searchSettings(fs)
	settingFlags(fs, child.Settings.For(setting.Train), child.Setup{})
}

// statusAction is the one action that changes nothing.
var statusAction = ctlAction{name: "status", help: "print what nasnet status RUN prints"}

// ctlActions has a row for every nas.Action.
var ctlActions = []ctlAction{
	{"pause", "", "pause all children at their next batch", nas.Pause, ""},
	{"resume", "", "continue after a pause", nas.Resume, ""},
	{"toggle", "", "pause, or continue if paused", nas.Toggle, ""},
	{"stop", "", "stop the search now; nasnet resume continues it", nas.Stop, "wait"},
	{"drain", "", "stop the search after the running children", nas.Drain, "wait"},
	{"workers", "N", "train N children at a time", nas.SetWorkers, ""},
	{"submit", "CELL", "train a cell with the search's settings", nas.Submit, "note"},
	{"retrain", "[CELL...]", "train cells with other settings, from the flags", nas.Retrain,
		"note preset seeds stars baselines estimate data train-images val-images test image seed"},
	{"fork", "", "create a run that starts from a policy version", nas.Fork, "at name start"},
	{"star", "TRIAL", "star a trial, or remove its star", nas.Star, ""},
	{"note", "TRIAL TEXT", "attach a note to a trial", nas.Note, ""},
	{"pause-trial", "TRIAL", "pause one child at its next batch", nas.PauseTrial, ""},
	{"resume-trial", "TRIAL", "continue a paused child", nas.ResumeTrial, ""},
	{"toggle-trial", "TRIAL", "pause one child, or continue it if paused", nas.ToggleTrial, ""},
	{"stop-trial", "TRIAL", "stop one child for good", nas.StopTrial, ""},
	{"undo-stop", "TRIAL", "continue a stopped child as if it had not been stopped", nas.UndoStop, ""},
}

// ctlFlags are the flags of nasnet ctl; each action accepts some of them.
type ctlFlags struct {
	searchFlags
	at, seeds  int
	note       string
	test, wait bool
	start      bool
	stars      bool
	baselines  bool
	estimate   bool
}

func ctlCommand(a *app) *cobra.Command {
	var f ctlFlags
	var help strings.Builder
	help.WriteString(`Ctl steers a run that another process has open, no matter which screen has
control. The run's log records who sent what.

ACTION is one of:

`)
	fmt.Fprintf(&help, "  %-22s %s\n", statusAction.name, statusAction.help)
	var taken []string
	for _, x := range ctlActions {
		fmt.Fprintf(&help, "  %-22s %s\n", strings.TrimSpace(x.name+" "+x.args), x.help)
		taken = append(taken, x.takes()...)
	}
	help.WriteString("\nTRIAL is a number, or hN for the N-th trial made by hand.\n\n" + cellHelp +
		"\nHere CELL may also be a TRIAL.")
	c := &cobra.Command{Use: "ctl RUN ACTION", Short: "steer a search from a shell or a script", Long: help.String(),
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return runCtl(a, c.Context(), c.Flags(), &f, args) }}
	fs := c.Flags()
	ctlSettings(fs)
	fs.VisitAll(func(x *pflag.Flag) { x.Hidden = !slices.Contains(taken, x.Name) })
	fs.StringVar(&f.preset, "preset", "", "retrain: named scale and settings instead of the search's: "+
		names(child.Presets, func(r child.Preset) string { return r.Name }))
	fs.IntVar(&f.seeds, "seeds", 1, "retrain: trainings per cell, with --seed and the seeds after it")
	fs.IntVar(&f.at, "at", -1, "fork: policy version to start from (-1: the latest)")
	fs.StringVar(&f.name, "name", "", "fork: name of the new run (default: RUN-fork-N)")
	fs.BoolVar(&f.start, "start", false, "fork: run it at once, in its parent's process")
	fs.StringVar(&f.note, "note", "", "submit, retrain: a note to attach to the trial")
	fs.BoolVar(&f.test, "test", false, "retrain: train on all training images, evaluate on the test images")
	fs.BoolVar(&f.stars, "stars", false, "retrain: add the starred cells")
	fs.BoolVar(&f.baselines, "baselines", false, "retrain: add NASNet-A, all-sep3x3 and the best random cell")
	fs.BoolVar(&f.estimate, "estimate", false, "retrain: measure time and memory, and train nothing")
	fs.BoolVar(&f.wait, "wait", false, "stop, drain: wait until the process has closed the run")
	return c
}

func runCtl(a *app, ctx context.Context, fs *pflag.FlagSet, f *ctlFlags, args []string) error {
	names := []string{statusAction.name}
	for _, x := range ctlActions {
		names = append(names, x.name)
	}
	if len(args) < 2 {
		return usagef("ctl: got %s; want a RUN and an ACTION: %s", nas.FormatCount(len(args), "argument", "arguments"),
			strings.Join(names, ", "))
	}
	dir, err := a.store.runDir(args[0])
	if err != nil {
		return err
	}
	if args[1] == statusAction.name && len(args) == 2 {
		st, err := statusOf(ctx, dir, lookTime)
		if err != nil {
			return err
		}
		return printStatus(a, st)
	}
	at := slices.IndexFunc(ctlActions, func(x ctlAction) bool { return x.name == args[1] })
	if at < 0 {
		return usagef("ctl: unknown action %q; want one of %s", args[1], strings.Join(names, ", "))
	}
	all, err := commandsOf(a, ctx, dir, ctlActions[at], fs, f, args[2:])
	if err != nil {
		return err
	}
	if f.estimate {
		return printRetrainPlans(a, ctx, dir, all)
	}
	send := func(c nas.Command) (nas.Reply, error) {
		return remote.Do(ctx, dir, remote.Visitor{Program: program()}, c)
	}
	if f.wait {
		send = func(c nas.Command) (nas.Reply, error) { return doAndWait(ctx, dir, c) }
	}
	for i, c := range all {
		r, err := send(c)
		if err = a.notRunning(err, dir); err != nil && len(all) > 1 {
			err = fmt.Errorf("%d of %d commands succeeded: %w", i, len(all), err)
		}
		if err != nil {
			return err
		}
		if err := a.print(r, func(w io.Writer) { fmt.Fprintln(w, r.Message) }); err != nil {
			return err
		}
	}
	return nil
}

// commandsOf returns the commands of an action: one, or several for retrain.
func commandsOf(a *app, ctx context.Context, dir string, x ctlAction, fs *pflag.FlagSet, f *ctlFlags,
	args []string) (all []nas.Command, err error) {
	fs.Visit(func(g *pflag.Flag) {
		if own := fs.Lookup(g.Name) != nil && g.Name != "store" && g.Name != "json"; own &&
			!slices.Contains(x.takes(), g.Name) && err == nil {
			err = usagef("ctl %s: --%s is not a flag of this action", x.name, g.Name)
		}
	})
	if err != nil {
		return nil, err
	}
	want := strings.Fields(x.args)
	if x.do == nas.Retrain {
		return retrainCommands(a, ctx, dir, fs, f, args)
	}
	if len(args) < len(want) || len(args) > len(want) && x.do != nas.Note {
		return nil, usagef("ctl %s: got %s; want %s", x.name, nas.FormatCount(len(args), "argument", "arguments"),
			strings.TrimSpace(x.name+" "+x.args))
	}
	c, err := commandOf(a, dir, x, fs, f, args)
	return []nas.Command{c}, err
}

// commandOf returns the command of any action but retrain.
func commandOf(a *app, dir string, x ctlAction, fs *pflag.FlagSet, f *ctlFlags,
	args []string) (c nas.Command, err error) {
	c.Do = x.do
	switch x.args {
	case "N":
		if c.N, err = strconv.Atoi(args[0]); err != nil {
			return c, usagef("ctl %s: got %q; want a number", x.name, args[0])
		}
	case "TRIAL", "TRIAL TEXT":
		var ok bool
		if _, c.Trial, ok = cutTrial("run/" + args[0]); !ok {
			return c, usagef("ctl %s: got trial %q; want a number, or h1 for the first trial made by hand", x.name,
				args[0])
		}
		c.Text = strings.Join(args[1:], " ")
	case "CELL":
		c.Text = f.note
		err = cellOrTrial(a, &c, args[0])
	}
	if x.do == nas.Fork {
		c.Fork = &nas.ForkSpec{At: f.at, Name: f.name, Start: f.start}
		was, _, err := record.ReadConfig(dir)
		if err != nil {
			return c, err
		}
		now := was
		if err := give(fs, nas.Settings().For(setting.Fork), &now); err != nil {
			return c, err
		}
		c.Fork.Take(was, now)
	}
	return c, err
}

// doAndWait sends a command that ends a search and waits until the process has closed the run.
func doAndWait(ctx context.Context, dir string, c nas.Command) (nas.Reply, error) {
	client, err := remote.Dial(ctx, dir, remote.Watch, remote.Visitor{Program: program()})
	if err != nil {
		return nas.Reply{}, err
	}
	defer client.Close()
	r, err := remote.Do(ctx, dir, remote.Visitor{Program: program()}, c)
	if err != nil {
		return r, err
	}
	select {
	case <-client.Ended():
	case <-ctx.Done():
		return r, context.Cause(ctx)
	}
	// The process reports its end before it closes the store.
	for end := time.Now().Add(30 * time.Second); checkpoints.Summary(dir).Live; {
		select {
		case <-ctx.Done():
			return r, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			return r, errors.New("the search has ended, but after 30 s its process still has the run open")
		}
	}
	return r, nil
}
