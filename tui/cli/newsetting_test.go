package cli

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/experiment"
	"nasnet/nas/setting"
)

// A new setting is one row and one field. Flags, help, stored configs and names of rungs follow.
func TestANewSettingIsOneRow(t *testing.T) {
	was := child.Settings
	t.Cleanup(func() { child.Settings = was })
	child.Settings = append(was[:len(was):len(was)],
		setting.Row[child.Setup]{Name: "mixup", Label: "mixup strength", Default: "0.125",
			Use: setting.Search | setting.Train | setting.Rung, Help: "how much of another image is mixed in",
			Range: setting.Range{Low: 0, High: 0.5},
			At:    func(s *child.Setup) any { return &s.Net.BNEps }})
	for _, command := range []string{"search", "fork", "train", "ctl"} {
		a := &app{}
		c, _, err := a.root().Find([]string{command})
		if err != nil {
			t.Fatal(err)
		}
		f := c.Flags().Lookup("mixup")
		if f == nil || f.Usage != "how much of another image is mixed in" ||
			command == "train" && f.DefValue != "0.125" {
			t.Errorf("%s: flag %+v", command, f)
		}
		var help bytes.Buffer
		c.SetOut(&help)
		if err := c.Help(); err != nil || !strings.Contains(help.String(), "--mixup float") {
			t.Errorf("%s --help: %v\n%s", command, err, help.String())
		}
	}
	config, err := nas.PresetNamed("quick")
	if err != nil {
		t.Fatal(err)
	}
	fs := pflag.NewFlagSet("search", pflag.ContinueOnError)
	searchSettings(fs)
	if err := fs.Parse([]string{"--mixup", "0.25"}); err != nil || giveSearch(fs, &config) != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(config); err != nil || !bytes.Contains(b, []byte(`"bn_eps":0.25`)) {
		t.Errorf("%s, %v", b, err)
	}
	if err := fs.Parse([]string{"--mixup", "0.75"}); err == nil || !strings.Contains(err.Error(), "want 0 to 0.5") {
		t.Errorf("out of its range: %v", err)
	}
	retrain := ctlActions[slices.IndexFunc(ctlActions, func(x ctlAction) bool { return x.do == nas.Retrain })]
	if !slices.Contains(retrain.takes(), "mixup") {
		t.Errorf("ctl retrain takes %v", retrain.takes())
	}
	base := config.Setup
	base.Net.BNEps = 0
	if err := setRung(&base, "epochs=3,mixup=0.5", true); err != nil {
		t.Fatal(err)
	}
	if r := experiment.NewRung(nas.DataSpec{Name: "d"}, base, config.Setup); !strings.HasSuffix(r.Name,
		"3 epochs, mixup strength 0.5") {
		t.Errorf("the rung is called %q", r.Name)
	}
	var estimate strings.Builder
	printOther(&estimate, otherSettings(base, config.Setup), "the search")
	if got := estimate.String(); got != "unlike the search: mixup strength 0.5\n" {
		t.Errorf("the estimate says %q", got)
	}
}
