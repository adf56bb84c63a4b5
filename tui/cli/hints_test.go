package cli

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestHintsWorkAsTyped pastes the advice of messages into a shell, also where names have spaces and quotes.
func TestHintsWorkAsTyped(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	t.Parallel()
	home := homeStore(t)
	bin, work := filepath.Join(home, "bin"), filepath.Join(home, "it's work")
	if err := errors.Join(os.Mkdir(bin, 0o700), os.Mkdir(work, 0o700),
		os.Symlink(absolute(t, os.Args[0]), filepath.Join(bin, "nasnet"))); err != nil {
		t.Fatal(err)
	}
	run := func(line string) (out string, err error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		c := exec.CommandContext(ctx, "sh", "-c", line)
		c.Dir, c.Env = work, environment(home)
		c.Env[0] = "PATH=" + bin + string(filepath.ListSeparator) + os.Getenv("PATH")
		b, err := c.CombinedOutput()
		return string(b), err
	}
	ok := func(line string) string {
		t.Helper()
		out, err := run(line)
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		return out
	}
	const small = "nasnet search --fake --headless --children 2 --update-every 2 --epochs 1 --shadow 0 "
	ok(small + "--name plain")
	ok(small + `--name a --store 'my "$HOME" store'`)
	ok(`mv 'my "$HOME" store'/a 'my "$HOME" store'/"a run's copy"; ` +
		`cp -r 'my "$HOME" store'/"a run's copy" 'another run'`)
	ok(`cp -r 'my "$HOME" store'/"a run's copy" 'my "$HOME" store'/-dash`)
	for i := range 60 {
		grey(t, filepath.Join(work, "my pics", "ab"[i%2:i%2+1], string(rune('A'+i))+".png"), uint8(4*i))
	}
	ok("nasnet search --headless --data 'my pics' --children 1 --shadow 0 --train-images 24 --val-images 12 --image " +
		"8 --filters 2 --epochs 1 --batch 8 --blocks 1 --name pics")
	grey(t, filepath.Join(work, "my pics", "a", "A.png"), 99)
	const train = "nasnet train --data synthetic --n 1 --filters 2 --image 8 --train-images 32 --val-images 32 " +
		"--batch 16 " +
		"--epochs 2 --out 'my model' "
	if err := os.WriteFile(filepath.Join(work, "my model.state"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(home, ".config", "nasnet"), 0o700); err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(home, ".config", "nasnet", "keys.toml")

	for _, r := range []struct {
		line  string
		hints int // how many to paste; -n: only the n-th
	}{
		{"nasnet ctl plain pause", 1},
		{`nasnet ctl "a run's copy" pause --store 'my "$HOME" store'`, 1},
		{`nasnet ctl 'another run' pause`, 1},
		{`nasnet ctl --store 'my "$HOME" store' -- -dash pause`, 1},
		{`nasnet resume nosuch --store 'my "$HOME" store'`, 1},
		{`nasnet attach "a run's copy" --store 'my "$HOME" store'`, 1},
		{`nasnet top "a run's copy" --by latency --store 'my "$HOME" store'`, -2},
		{`nasnet ladder "a run's copy" --retrains --store 'my "$HOME" store'`, 1},
		{`nasnet delete "a run's copy" --store 'my "$HOME" store'`, 1},
		{"nasnet delete 'another run'", 1},
		{"nasnet resume pics --headless", 1},
		{train, -2},
		{"nasnet search --nosuch", 1},
		{"nasnet serch --fake --headless --children 2 --epochs 1", 1},
		{"echo 'fork = ' >" + keys + "; nasnet keys", 1},
	} {
		out, err := run(r.line)
		if err == nil {
			t.Errorf("%s: it must fail: %s", r.line, out)
		}
		var hints []string
		for l := range strings.Lines(out) {
			if h, ok := strings.CutPrefix(strings.TrimSpace(l), "hint: "); ok {
				_, command, _ := strings.Cut(h, ": ")
				hints = append(hints, command)
			}
		}
		if len(hints) < max(r.hints, -r.hints) {
			t.Errorf("%s: %d hints in\n%s", r.line, len(hints), out)
			continue
		}
		if r.hints < 0 {
			hints = hints[-r.hints-1 : -r.hints]
		}
		for _, h := range hints {
			t.Logf("%s\n    %s", r.line, h)
			if out, err := run(h); err != nil {
				t.Errorf("%s\nhint: %s\n%v: %s", r.line, h, err, out)
			}
		}
	}
	// An interrupted training says how to resume it.
	out, _ := run("rm -f 'my model.state'; " + strings.Replace(train, "--epochs 2", "--epochs 100000", 1) +
		"& until [ -f 'my model.state' ]; do sleep 0.02; done; kill $!; wait $!")
	_, resume, _ := strings.Cut(out, "to resume: ")
	resume, _, _ = strings.Cut(resume, "\n")
	if out, err := run(resume + " --estimate"); resume == "" || err != nil {
		t.Errorf("%s: %v\n%s", resume, err, out)
	}
	// So does the export of a cell without weights.
	out, _ = run("nasnet export plain/0 --format onnx")
	_, train1, _ := strings.Cut(out, "cell: ")
	if out, err := run(strings.TrimSpace(train1) + " --estimate --data synthetic --epochs 1"); train1 == "" ||
		err != nil {
		t.Errorf("%s: %v\n%s", train1, err, out)
	}
}
