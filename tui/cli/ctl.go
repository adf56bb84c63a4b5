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

// ctlAction is one thing that nasnet ctl does to a live run.
type ctlAction struct {
	name, args, help string
	do               nas.Action
	flags            string // that it takes beside those of settings, between spaces
}

// takes lists the flags of the action.
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

// ctlSettings adds the flags of all settings that an action may take, without defaults: what is not given is as in the
// run, or as a preset has it.
func ctlSettings(fs *pflag.FlagSet) {
	searchSettings(fs)
	settingFlags(fs, child.Settings.For(setting.Train), child.Setup{})
}

// statusAction is the one action that changes nothing.
var statusAction = ctlAction{name: "status", help: "how it is, as nasnet status RUN says it"}

// ctlActions has a row for every nas.Action.
var ctlActions = []ctlAction{
	{"pause", "", "stop all children at their next batch", nas.Pause, ""},
	{"resume", "", "go on after a pause", nas.Resume, ""},
	{"toggle", "", "pause, or go on if it is paused", nas.Toggle, ""},
	{"stop", "", "end the search now; nasnet resume goes on", nas.Stop, "wait"},
	{"drain", "", "end it after the running children", nas.Drain, "wait"},
	{"workers", "N", "N children at a time", nas.SetWorkers, ""},
	{"submit", "CELL", "train a cell at the search's settings", nas.Submit, "note"},
	{"retrain", "[CELL...]", "train cells at other settings, which the flags change", nas.Retrain,
		"note preset seeds stars baselines estimate data train-images val-images test image seed"},
	{"fork", "", "begin a new run from a policy version", nas.Fork, "at name start"},
	{"star", "TRIAL", "mark a trial, or take the mark back", nas.Star, ""},
	{"note", "TRIAL TEXT", "keep a line of text with a trial", nas.Note, ""},
	{"pause-trial", "TRIAL", "stop one child at its next batch", nas.PauseTrial, ""},
	{"resume-trial", "TRIAL", "let it go on", nas.ResumeTrial, ""},
	{"toggle-trial", "TRIAL", "pause one child, or let it go on if it is paused", nas.ToggleTrial, ""},
	{"stop-trial", "TRIAL", "end one child", nas.StopTrial, ""},
	{"undo-stop", "TRIAL", "let a stopped child go on, as if it had not been stopped", nas.UndoStop, ""},
}

// ctlFlags are the flags of nasnet ctl; each action takes some of them.
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
	help.WriteString("Ctl steers a run that another process has open, whoever has control of its screen; the " +
		"run's log says who sent what.\n\nACTION is one of:\n\n")
	fmt.Fprintf(&help, "  %-22s %s\n", statusAction.name, statusAction.help)
	var taken []string
	for _, x := range ctlActions {
		fmt.Fprintf(&help, "  %-22s %s\n", strings.TrimSpace(x.name+" "+x.args), x.help)
		taken = append(taken, x.takes()...)
	}
	help.WriteString("\nTRIAL is a number, or hN for the N-th trial made by hand. CELL is a TRIAL, or " +
		"else: " + cellHelp)
	c := &cobra.Command{Use: "ctl RUN ACTION", Short: "steer a search from a shell or a script", Long: help.String(),
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return runCtl(a, c.Context(), c.Flags(), &f, args) }}
	fs := c.Flags()
	ctlSettings(fs)
	fs.VisitAll(func(x *pflag.Flag) { x.Hidden = !slices.Contains(taken, x.Name) })
	fs.StringVar(&f.preset, "preset", "", "retrain: scale and settings by name, in place of the search's: "+
		names(child.Presets, func(r child.Preset) string { return r.Name }))
	fs.IntVar(&f.seeds, "seeds", 1, "retrain: trainings of each cell, with --seed and the seeds that follow")
	fs.IntVar(&f.at, "at", -1, "fork: policy version to begin from (-1: the latest)")
	fs.StringVar(&f.name, "name", "", "fork: name of the new run (default: RUN-fork-N)")
	fs.BoolVar(&f.start, "start", false, "fork: run it at once, in the process of its parent")
	fs.StringVar(&f.note, "note", "", "submit, retrain: a line of text to keep with the trial")
	fs.BoolVar(&f.test, "test", false, "retrain: train on all training images, judge on the test images")
	fs.BoolVar(&f.stars, "stars", false, "retrain: the best cells with a star, too")
	fs.BoolVar(&f.baselines, "baselines", false, "retrain: NASNet-A, all-sep3x3 and the best random cell, too")
	fs.BoolVar(&f.estimate, "estimate", false, "retrain: say what it would take here, measured, and end")
	fs.BoolVar(&f.wait, "wait", false, "stop, drain: wait until the run is free")
	return c
}

func runCtl(a *app, ctx context.Context, fs *pflag.FlagSet, f *ctlFlags, args []string) error {
	names := []string{statusAction.name}
	for _, x := range ctlActions {
		names = append(names, x.name)
	}
	if len(args) < 2 {
		return usagef("ctl: want a RUN and an ACTION: %s", strings.Join(names, ", "))
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
		return usagef("ctl: action %q is not known; there are: %s", args[1], strings.Join(names, ", "))
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
			err = fmt.Errorf("%d of %d were taken: %w", i, len(all), err)
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

// commands makes the commands of an action and its arguments, one but for several retrains.
func commandsOf(a *app, ctx context.Context, dir string, x ctlAction, fs *pflag.FlagSet, f *ctlFlags,
	args []string) (all []nas.Command, err error) {
	fs.Visit(func(g *pflag.Flag) {
		if own := fs.Lookup(g.Name) != nil && g.Name != "store" && g.Name != "json"; own &&
			!slices.Contains(x.takes(), g.Name) && err == nil {
			err = usagef("ctl %s takes no --%s", x.name, g.Name)
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
		return nil, usagef("ctl %s: got %d arguments; want %s", x.name, len(args), strings.TrimSpace(x.name+" "+x.args))
	}
	c, err := commandOf(a, dir, x, fs, f, args)
	return []nas.Command{c}, err
}

// command makes the command of an action and its arguments.
func commandOf(a *app, dir string, x ctlAction, fs *pflag.FlagSet, f *ctlFlags,
	args []string) (c nas.Command, err error) {
	c.Do = x.do
	switch x.args {
	case "N":
		if c.N, err = strconv.Atoi(args[0]); err != nil {
			return c, usagef("ctl %s: %q is no number", x.name, args[0])
		}
	case "TRIAL", "TRIAL TEXT":
		var ok bool
		if _, c.Trial, ok = cutTrial("run/" + args[0]); !ok {
			return c, usagef("ctl %s: %q is no trial; want a number, or h1 for the first trial made by hand",
				x.name, args[0])
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

// doAndWait sends a command that ends a search and waits until its process has let go of the run.
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
	// The process says that it ends before it closes the store.
	for end := time.Now().Add(30 * time.Second); checkpoints.Summary(dir).Live; {
		select {
		case <-ctx.Done():
			return r, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(end) {
			return r, errors.New("the search has ended, but its process still has the run open")
		}
	}
	return r, nil
}
