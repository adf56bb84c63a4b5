package cli

import (
	"strings"
	"testing"
)

func TestAnUnknownNameIsAnsweredWithALineToPaste(t *testing.T) {
	store, _ := storeWithRuns(t)
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Chdir(t.TempDir())
	for _, c := range []struct{ line, want string }{ // no want: no suggestion
		{"serch --fake", "nasnet search --fake"},
		{"cell shwo nasnet-a", "nasnet cell show nasnet-a"},
		{"completion bsh", "nasnet completion bash"},
		{"reproducing", "nasnet help reproducing"},
		{"cells", "nasnet help cells"},
		{"help trian", "nasnet help train"},
		{"help scrips", "nasnet help scripts"},
		{"help cell shwo", "nasnet help cell show"},
		{"train --presett 1-hour", "nasnet train --preset 1-hour"},
		{"search --strateg=ppo", "nasnet search --strategy=ppo"},
		{"search --preset qick --headless", "nasnet search --preset quick --headless"},
		{"train --preset=1hour", "nasnet train --preset=1-hour"},
		{"search --strategy poo", "nasnet search --strategy ppo"},
		{"train --stack imagnet", "nasnet train --stack imagenet"},
		{"resume frist-1", "nasnet resume first-1"},
		{"cell show frist-1/3", "nasnet cell show first-1/3"},
		{"cell show amebanet-a", "nasnet cell show amoebanet-a"},
		{"export nasnet-a --format svgg --out 'a", "nasnet export nasnet-a --format svg --out ''\\''a'"},
		{"ctl first-1 puase", "nasnet ctl first-1 pause"},
		{"ctl first-1 retrain nasnt-a", "nasnet ctl first-1 retrain nasnet-a"},
		{"data info fashion-mnst", "nasnet data info fashion-mnist"},
		{"train --data mnits", "nasnet train --data mnist"},
		{"ladder first-1 --rung n=2,filtres=8", "nasnet ladder first-1 --rung n=2,filters=8"},
		{"ladder first-1 --rung n=2,stack=cifr", "nasnet ladder first-1 --rung n=2,stack=cifar"},
		{"top first-1 --by rewrd", "nasnet top first-1 --by reward"},
		{"top first-1 --front param", "nasnet top first-1 --front params"},
		{"cell random --ops lihgt", "nasnet cell random --ops light"},
		{"cell show nasnet-b", ""}, // known, with a reason why it cannot be written
		{"cell show first-1/44", ""},
		{"resume something", ""},
		{"quux", ""},
		{"train --epochs 0", ""},
	} {
		// --store stands first, so that the lines read as they were typed
		args := append([]string{"--store", store}, strings.Fields(c.line)...)
		code, out, errs := runCommand(t, args...)
		if code == exitDone {
			t.Errorf("%s: no error: %s", c.line, out)
		}
		_, line, _ := strings.Cut(errs, "hint: did you mean: ")
		line, _, _ = strings.Cut(line, "\n")
		want := c.want
		if want != "" && !strings.HasPrefix(want, "nasnet help "+c.line) {
			want = "nasnet --store " + store + strings.TrimPrefix(want, "nasnet")
		}
		if line != want {
			t.Errorf("%s: %q, want %q in\n%s", c.line, line, want, errs)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"resume", "reward", "params", "fashion-mnist-10k", "fashion-mnist", "top"}
	for _, c := range []struct{ word, want string }{
		{"resume", "resume"}, {"REUSME", "resume"}, {"rewards", "reward"}, {"rwrd", ""}, {"rewrd", "reward"},
		{"parasm", "params"}, {"pa", ""}, {"par", "params"}, {"tpo", "top"}, {"two", ""}, {"tops", "top"},
		{"fashion", "fashion-mnist-10k"}, {"fashion-mnsit", "fashion-mnist"}, {"17", ""}, {"h170", ""}, {"", ""},
	} {
		if got := nearest(c.word, names); got != c.want {
			t.Errorf("%q: %q, want %q", c.word, got, c.want)
		}
	}
}
