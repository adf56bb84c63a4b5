package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completed runs what a shell runs, and returns the words and the directive, such as ":4", without the descriptions.
func completed(t *testing.T, args ...string) (words []string, directive string) {
	t.Helper()
	code, out, _ := runCommand(t, append([]string{"__complete"}, args...)...)
	if code != exitDone {
		t.Fatalf("%q: exit code %d", args, code)
	}
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		words = append(words, nameOf(line))
	}
	return words[:len(words)-1], words[len(words)-1]
}

// storeWithRuns makes a store with two runs and returns its folder, with what is in it that must stay as it is.
func storeWithRuns(t *testing.T) (store string, content func() string) {
	t.Helper()
	store = t.TempDir()
	for _, name := range []string{"first-1", "other-2"} {
		if code, _, errs := runCommand(t, "search", "--fake", "--headless", "--children", "4", "--update-every", "4",
			"--epochs", "1", "--name", name, "--store", store); code != exitDone {
			t.Fatal(errs)
		}
	}
	if err := os.Mkdir(filepath.Join(store, "no-run"), 0o777); err != nil {
		t.Fatal(err)
	}
	return store, func() string {
		var all strings.Builder
		err := filepath.WalkDir(store, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			fmt.Fprintln(&all, path, info.Size(), info.ModTime().UnixNano())
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return all.String()
	}
}

func TestTheShellCompletesWhatCommandsTake(t *testing.T) {
	store, content := storeWithRuns(t)
	before := content()
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		line      string // the last word is completed; _ is an empty one
		want      string // words that are among the completions; a word behind a minus is not
		directive string // :0 the shell may complete files, :4 not, :16 folders, +2 no space, +32 in this order
	}{
		{"res", "resume -search", ":4"},
		{"search --strat", "--strategy -STRATEGY", ":4"},
		{"resume _", "first-1 other-2 -no-run", ":36"},
		{"resume oth", "other-2 -first-1", ":36"},
		{"resume first-1 _", "", ":4"},
		{"status _", "first-1", ":36"},
		{"cell show _", "nasnet-a first-1/ -no-run/", ":34"},
		{"cell show first-1/", "first-1/0 first-1/3 -other-2/0", ":32"},
		{"cell show nosuch/", "", ":0"},
		{"cell diff nasnet-a first-1/3", "first-1/3 -first-1/0", ":32"},
		{"cell stats --cell pnas", "pnasnet-5", ":32"},
		{"export _", "nasnet-a other-2/", ":34"},
		{"export nasnet-a --format s", "svg slim -dot", ":36"},
		{"export nasnet-a --out cell", "cell.svg cell.onnx -cell", ":32"},
		{"export nasnet-a --out cell.s", "cell.svg -cell.onnx", ":32"},
		{"eval first-1/", "", ":0"}, // no trial of a search keeps weights
		{"predict model.safetensors _", "", ":0"},
		{"--preset _", "quick cifar -overnight", ":36"},
		{"search --preset=_", "quick -overnight", ":36"},
		{"train --preset _", "overnight -quick", ":36"},
		{"ctl first-1 retrain --preset 6", "6@768 -quick", ":36"},
		{"train --data fash", "fashion-mnist fashion-mnist-10k -mnist", ":32"},
		{"train --data nosuch", "", ":16"},
		{"data get m", "mnist -cifar10", ":36"},
		{"train --data-dir _", "", ":16"},
		{"train --stack _", "cifar imagenet", ":4"},
		{"search --cost _", "latency none", ":4"},
		{"search --strategy re", "reinforce -ppo", ":4"},
		{"search --name _", "", ":4"},
		{"search --children _", "", ":4"},
		{"top first-1 --by re", "reward -params", ":36"},
		{"top first-1 --front p", "params", ":36"},
		{"cell random --ops l", "light", ":36"},
		{"ctl first-1 pau", "pause pause-trial -stop", ":36"},
		{"ctl first-1 star _", "0 3", ":36"},
		{"ctl first-1 note 0 _", "", ":4"},
		{"ctl first-1 retrain 0 nas", "nasnet-a", ":32"},
		{"ctl first-1 nosuch _", "", ":4"},
		{"ladder first-1 --trials 1,_", "1,0 1,3", ":36"},
		{"ladder first-1 --rung sta", "stack= -n=", ":38"},
		{"ladder first-1 --rung n=2,sta", "", ":4"},
		{"help tr", "train -search", ":36"},
		{"help cell sh", "show -stats", ":36"},
		{"help _", "search scripts resume", ":36"},
		{"completion _", "bash zsh fish", ":4"},
	} {
		args := strings.Fields(c.line)
		args[len(args)-1] = strings.TrimSuffix(args[len(args)-1], "_")
		words, directive := completed(t, append([]string{"--store", store}, args...)...)
		for _, w := range strings.Fields(c.want) {
			if not, ok := strings.CutPrefix(w, "-"); ok && !strings.HasPrefix(w, "--") {
				if slices.Contains(words, not) {
					t.Errorf("%s: %q is among %q", c.line, not, words)
				}
			} else if !slices.Contains(words, w) {
				t.Errorf("%s: %q is not among %q", c.line, w, words)
			}
		}
		if c.want == "" && len(words) > 0 {
			t.Errorf("%s: %q; want nothing", c.line, words)
		}
		if directive != c.directive {
			t.Errorf("%s: directive %s, want %s", c.line, directive, c.directive)
		}
	}
	if content() != before {
		t.Error("a completion changed the store")
	}
}

// A trial's description is its reward, and the best trials come first.
func TestTheBestTrialsAreCompletedFirst(t *testing.T) {
	store, _ := storeWithRuns(t)
	_, out, _ := runCommand(t, "__complete", "--store", store, "cell", "show", "first-1/")
	_, best, _ := runCommand(t, "status", "first-1", "--store", store)
	reward := regexp.MustCompile(`best +(0\.\d+), trial (\d+)`).FindStringSubmatch(best)
	if reward == nil || !strings.HasPrefix(out, "first-1/"+reward[2]+"\t"+reward[1]+"\n") {
		t.Errorf("%q; the best is %q", out, reward)
	}
}

// Nothing is completed, and nothing is printed, where there is no store or a run is damaged.
func TestCompletionReportsNoErrors(t *testing.T) {
	store, _ := storeWithRuns(t)
	if err := os.WriteFile(filepath.Join(store, "first-1", "run.db"), []byte("no database"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--store", store, "cell", "show", "first-1/"},
		{"--store", filepath.Join(store, "nosuch"), "resume", ""},
		{"--store", filepath.Join(store, "nosuch"), "ctl", "first-1", "star", ""},
	} {
		if words, _ := completed(t, args...); len(words) > 0 {
			t.Errorf("%q: %q", args, words)
		}
		if _, _, errs := runCommand(t, append([]string{"__completeNoDesc"}, args...)...); strings.Contains(
			errs, "nasnet:") {
			t.Errorf("%q: %s", args, errs)
		}
	}
}

func TestCompletionIsQuickInALargeStore(t *testing.T) {
	store := t.TempDir()
	for i := range 2000 {
		dir := filepath.Join(store, fmt.Sprintf("run-%d", i))
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "run.db"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	least := time.Hour // of several tries: the machine may be busy
	for range 5 {
		start := time.Now()
		if words, _ := completed(t, "--store", store, "resume", ""); len(words) != 2000 {
			t.Fatalf("%d runs", len(words))
		}
		least = min(least, time.Since(start))
	}
	if t.Logf("%v", least); least > 100*time.Millisecond {
		t.Errorf("%v; want at most 100 ms", least)
	}
}

// Each word in the Use of a command has its kind, and so has each flag that takes text.
func TestEveryArgumentAndFlagHasItsKind(t *testing.T) {
	used := map[string]bool{}
	needs := func(where, word string) {
		for _, w := range strings.Split(word, "|") {
			if _, ok := kinds[w]; !ok {
				t.Errorf("%s: %q is not in the table of kinds", where, w)
			}
			used[w] = true
		}
	}
	flags := map[string]bool{}
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		for i := range strings.Fields(c.Use)[1:] {
			needs(c.CommandPath(), argKind(c.Use, make([]string, i)))
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			for _, row := range []string{f.Name, c.Name() + " " + f.Name} {
				if _, ok := flagKinds[row]; ok {
					flags[row] = true
				}
			}
			if s, ok := f.Value.(*settingFlag); ok && s.choices != nil {
				return
			}
			if strings.HasPrefix(f.Value.Type(), "string") {
				needs(c.CommandPath()+" --"+f.Name, flagKind(c, f.Name))
			}
		})
		for _, sub := range c.Commands() {
			look(sub)
		}
	}
	look((&app{}).root())
	for _, x := range ctlActions {
		for i := range strings.Fields(x.args) {
			needs("ctl "+x.name, argKind("ctl RUN ACTION", append([]string{"run", x.name}, make([]string, i)...)))
		}
	}
	for w := range kinds {
		if !used[w] {
			t.Errorf("no command uses the kind %q", w)
		}
	}
	for row := range flagKinds {
		if !flags[row] {
			t.Errorf("no command has the flag of the row %q", row)
		}
	}
}
