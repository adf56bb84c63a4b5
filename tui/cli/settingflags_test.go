package cli

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/setting"
)

// otherValue returns a valid value that differs from the present one.
func otherValue[T any](r setting.Row[T], v T) string {
	was := r.Get(v)
	candidates := map[string][]string{"int": {"8", "2"}, "uint64": {"8"}, "float64": {"0.25", "-0.5"},
		"bool": {"true", "false"}, "string": {"elsewhere", "8"}}[r.Type()]
	if r.Choices != nil {
		candidates = r.Choices()
	}
	for _, text := range candidates {
		to := v
		if text != was && r.Set(&to, text) == nil {
			return text
		}
	}
	return ""
}

// aFlagEach sets each setting by its flag and checks the result.
func aFlagEach[T any](t *testing.T, command string, rows setting.Table[T], v T, flags func(*pflag.FlagSet),
	give func(*pflag.FlagSet, *T) error) {
	t.Helper()
	for _, r := range rows {
		fs := pflag.NewFlagSet(command, pflag.ContinueOnError)
		flags(fs)
		if f := fs.Lookup(r.Name); f == nil || f.Usage != r.Help {
			t.Errorf("%s: --%s is %+v", command, r.Name, f)
			continue
		}
		text := otherValue(r, v)
		if text == "" {
			t.Fatalf("%s: there is no value to try --%s with", command, r.Name)
		}
		to := v
		if err := fs.Parse([]string{"--" + r.Name + "=" + text}); err != nil {
			t.Errorf("%s: %v", command, err)
		} else if err := give(fs, &to); err != nil || r.Get(to) != text {
			t.Errorf("%s --%s %s: %s, %v", command, r.Name, text, r.Get(to), err)
		}
		if to = v; give(pflag.NewFlagSet(command, pflag.ContinueOnError), &to) != nil || r.Get(to) != r.Get(v) {
			t.Errorf("%s: without --%s it became %s, before %s", command, r.Name, r.Get(to), r.Get(v))
		}
	}
}

func TestEverySettingHasItsFlag(t *testing.T) {
	config, err := nas.PresetNamed("quick")
	if err != nil {
		t.Fatal(err)
	}
	config.Cost = nas.CostTerm{By: nas.ByMAdds, Target: 1, Weight: -1}
	aFlagEach(t, "search", nas.Settings(), config, searchSettings, giveSearch)
	aFlagEach(t, "ctl fork", nas.Settings().For(setting.Fork), config, ctlSettings,
		func(fs *pflag.FlagSet, c *nas.Config) error {
			return give(fs, nas.Settings().For(setting.Fork), c)
		})
	trained := child.Settings.For(setting.Train)
	giveTrain := func(fs *pflag.FlagSet, s *child.Setup) error { return give(fs, trained, s) }
	aFlagEach(t, "train", trained, defaultSetup(setting.Train),
		func(fs *pflag.FlagSet) { new(training).register(fs) }, giveTrain)
	aFlagEach(t, "ctl retrain", trained, config.Setup, ctlSettings, giveTrain)
	giveNet := func(fs *pflag.FlagSet, s *child.Setup) error { return give(fs, networkSettings(), s) }
	aFlagEach(t, "cell stats", networkSettings(), defaultSetup(setting.Network|setting.Images), networkFlags, giveNet)

	takes := map[string]string{}
	for _, x := range ctlActions {
		takes[x.name] = strings.Join(x.takes(), " ")
	}
	for _, r := range trained {
		if !contains(takes["retrain"], r.Name) {
			t.Errorf("ctl retrain does not take --%s", r.Name)
		}
		if _, ok := nas.Settings().Named(r.Name); !ok && r.Name != "shards" { // a search always has one
			t.Errorf("a search does not take --%s", r.Name)
		}
	}
}

// Some flags of a search affect other settings.
func TestFlagsOfASearchMeanMoreThanTheirValue(t *testing.T) {
	for _, r := range []struct {
		flags string
		has   func(nas.Config) bool
		err   string
	}{
		{"--strategy random", func(c nas.Config) bool { return c.RandomEvery == 0 }, ""}, // there is nothing to compare
		{"--strategy random --shadow 3", func(c nas.Config) bool { return c.RandomEvery == 3 }, ""},
		{"--strategy evolution", func(c nas.Config) bool { return c.RandomEvery == 5 }, ""},
		{"--entropy 0", func(c nas.Config) bool { return c.Controller.Entropy == -1 }, ""}, // none
		{"--stack imagenet", func(c nas.Config) bool {
			return c.Net.Stack == "imagenet" && c.Net.N == 1 &&
				c.Net.StemMultiplier == 0
		}, ""},
		{"--drop-path-mode none", func(c nas.Config) bool {
			return c.Train.DropPath == child.DropPath{Mode: "none", Prob: 0.1}
		}, ""},
		{"--drop-path 0.3", func(c nas.Config) bool {
			return c.Train.DropPath == child.DropPath{Mode: "linear", Prob: 0.3}
		}, ""},
		{"--cost-target 2ms --cost latency", func(c nas.Config) bool {
			return c.Cost == nas.CostTerm{By: nas.ByLatency, Target: 2, Weight: -0.07}
		}, ""},
		{"--cost params --cost-target 300k --cost-weight -1",
			func(c nas.Config) bool { return c.Cost == nas.CostTerm{By: nas.ByParams, Target: 3e5, Weight: -1} }, ""},
		{"--cost none", func(c nas.Config) bool { return c.Cost == nas.CostTerm{} }, ""},
		{"--cost none --cost-target 5M", nil, "--cost none accepts neither cost-target nor cost-weight"},
		{"--cost madds --cost-target 2ms", nil, `--cost-target "2ms"; want a number such as 300k or 5M`},
		{"--shards 2", nil, "unknown flag"},
	} {
		c, err := nas.PresetNamed("quick")
		if err != nil {
			t.Fatal(err)
		}
		fs := pflag.NewFlagSet("search", pflag.ContinueOnError)
		searchSettings(fs)
		if err = fs.Parse(strings.Fields(r.flags)); err == nil {
			err = giveSearch(fs, &c)
		}
		switch {
		case r.err != "" && (err == nil || !strings.Contains(err.Error(), r.err)):
			t.Errorf("%s: %v; want %s", r.flags, err, r.err)
		case r.err == "" && (err != nil || !r.has(c)):
			t.Errorf("%s: %v, %+v", r.flags, err, c)
		}
	}
}
