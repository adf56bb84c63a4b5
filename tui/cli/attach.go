package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"nasnet/nas/remote"
	"nasnet/tui"
)

func attachCommand(a *app) *cobra.Command {
	var readOnly, take, noDiff bool
	c := &cobra.Command{Use: "attach [RUN]", Short: "show a search that another process runs, and steer it",
		Args: optionalRun,
		Long: "Attach shows the same screen as the search's own, with the same keys. One screen at a time has the " +
			"control: the first that is there, or the one\n" +
			"that takes it. Leaving the screen leaves the search as it is. Without RUN it shows the only run that is " +
			"live.",
		RunE: func(c *cobra.Command, args []string) error {
			want := remote.Steer
			switch {
			case readOnly && take:
				return usagef("attach: --read-only and --take exclude each other")
			case readOnly:
				want = remote.Watch
			case take:
				want = remote.Take
			}
			if !a.interactive(false) {
				return hinted{usagef("attach wants a terminal"),
					"nasnet status RUN --json tells how a run is, nasnet ctl steers it"}
			}
			if err := a.loadKeys(); err != nil {
				return err
			}
			dir, err := a.store.liveDir(args)
			if err != nil {
				return err
			}
			return attachTo(a, c.Context(), dir, want, !noDiff)
		}}
	c.Flags().BoolVar(&readOnly, "read-only", false, "only look, even if nobody has the control")
	c.Flags().BoolVar(&take, "take", false, "take the control, whoever has it")
	c.Flags().BoolVar(&noDiff, "no-diff", false, "send whole lines to the terminal instead of changed cells")
	return c
}

func attachTo(a *app, ctx context.Context, dir string, want remote.Want, diff bool) error {
	client, err := remote.Dial(ctx, dir, want, remote.Visitor{Program: program(), TTY: ttyName(os.Stdin)})
	if err != nil {
		return a.notRunning(err, dir)
	}
	defer client.Close()
	out := a.Out.(*os.File)
	a.saved = true // the search is not ours to lose
	outcome, err := tui.Run(ctx, client, a.equip(tui.Options{In: a.In, Out: out, Diff: diff, CanDetach: true,
		LogPath: filepath.Join(dir, "interface.log")}))
	if err != nil {
		return fmt.Errorf("the interface failed; the search goes on: %w", err)
	}
	v := client.Snapshot()
	switch why := client.Control().Lost; {
	case outcome == tui.Hangup:
	case why != "":
		a.say("run %s: %s\n", v.Config.Name, why)
	case outcome == tui.QuitStop:
		a.say("run %s is told to stop\n", v.Config.Name)
	case outcome == tui.QuitDrain:
		a.say("run %s ends after its running children\n", v.Config.Name)
	default:
		a.say("run %s goes on in process %d; come back with: nasnet attach %[1]s%[3]s\n", v.Config.Name, client.PID(),
			a.store.flag())
	}
	return context.Cause(ctx)
}

// notRunning adds to an error that says that nobody runs a run what one can do about it.
func (a *app) notRunning(err error, dir string) error {
	if !errors.Is(err, remote.ErrNotRunning) {
		return err
	}
	name := filepath.Base(dir)
	return hinted{fmt.Errorf("run %s: %w", name, remote.ErrNotRunning), "go on with it: " + a.store.resumeHint(name)}
}

// optionalRun checks that at most one run is named.
func optionalRun(c *cobra.Command, got []string) error {
	if len(got) > 1 {
		return usagef("%s: got %d arguments; want at most one RUN", c.CommandPath(), len(got))
	}
	return nil
}

// lookTime is how long a program may take to say how its run is. It answers from memory; longer means that it is
// stopped.
const lookTime = time.Second

// look asks the program that has the run in dir how it is.
func look(ctx context.Context, dir string, patience time.Duration) (remote.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return remote.Look(ctx, dir, remote.Visitor{Program: program()})
}
