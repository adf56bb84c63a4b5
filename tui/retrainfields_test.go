package tui

import (
	"fmt"
	"strings"
	"testing"

	"nasnet/nas/child"
)

func TestEverySettingHasAFieldThatIsSent(t *testing.T) {
	other := map[string]string{"drop-path-mode": "scaled", "crop": "0.5", "shards": "4", "stack": "pnasnet",
		"momentum": "0.5"}
	for _, row := range retrainSettings() {
		d := drive(t, busy(), 120, 36).press("5", "r")
		r := d.m.top().(*retrainScreen)
		was := r.get(row.Name)
		want, ok := other[row.Name]
		switch {
		case ok:
		case row.Type() == "bool":
			want = map[string]string{"no": "yes", "yes": "no"}[was]
		case row.Choices != nil:
			for _, want = range row.Choices() {
				if want != was {
					break
				}
			}
		case row.Type() == "int":
			want = fmt.Sprint(r.integer(row.Name) + 2)
		default:
			want = "0.25"
		}
		if row.Name == "crop" {
			r.set("pad", "0")
		}
		r.set(row.Name, want)
		sent := len(d.e.commands())
		if d.press("enter"); len(d.e.commands()) == sent {
			t.Errorf("%s: %s was not sent:\n%s", row.Name, want, d.text())
			continue
		}
		got := row.Get(d.last().Retrain.Setup)
		if row.Type() == "bool" {
			got = yesNo[got]
		}
		if got != want {
			t.Errorf("%s: %s was sent as %s", row.Name, want, got)
		}
	}
}

func TestContradictorySettingsAreRefused(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", "r")
	r := d.m.top().(*retrainScreen)
	r.set("pad", "4")
	r.set("crop", "0.5")
	before := len(d.e.commands())
	d.press("enter")
	if len(d.e.commands()) != before || !strings.Contains(strings.Join(d.frame(), "\n"),
		"augment.pad is 4 and augment.crop") {
		t.Errorf("sent, or not said why:\n%s", strings.Join(d.frame(), "\n"))
	}
}

// Another stack has its own defaults, whatever the settings start from, and the form shows them.
func TestAnotherStackHasItsOwnDefaults(t *testing.T) {
	for _, r := range []struct {
		preset, stack, image string
		then                 map[string]string // fields set afterwards
		stem                 float64
		skip                 bool
	}{
		{preset: ownSettings, stack: "imagenet", image: "224", stem: 1},
		{preset: ownSettings, stack: "imagenet", image: "331", stem: 3, skip: true},
		{preset: "6@768", stack: "imagenet", image: "224", stem: 1},
		{preset: "6@4032", stack: "imagenet", image: "331", stem: 3, skip: true},
		{preset: "6@4032", stack: "imagenet", image: "224", stem: 1},
		{preset: "6@4032", stack: "cifar", image: "331", stem: 3},
		{preset: "4@1056", stack: "imagenet", image: "331", then: map[string]string{"skip-reduction": "no"}, stem: 3},
		{preset: "4@1056", stack: "imagenet", image: "331", then: map[string]string{"stem-multiplier": "2"},
			stem: 2, skip: true},
	} {
		d, s := preset(t, busy(), r.preset)
		to(t, d, "image")
		for range s.get("image") {
			d.press("backspace")
		}
		d.typeText(r.image)
		choose(t, d, "stack", r.stack)
		for name, text := range r.then {
			s.set(name, text)
		}
		shown := s.yes("skip-reduction")
		n := s.command().Retrain.Net.WithDefaults()
		if n.Stack != r.stack || n.StemMultiplier != r.stem || n.SkipReduction != r.skip || shown != r.skip {
			t.Errorf("%s, stack %s, %s px, %v: stem %v, skip %v, shown %v", r.preset, r.stack, r.image, r.then,
				n.StemMultiplier, n.SkipReduction, shown)
		}
		if want := child.Presets[3].Name; r.preset == want && !n.Aux {
			t.Errorf("%s in the stack %s has lost its auxiliary head", want, r.stack)
		}
	}
}

func TestAPresetReplacesTheSettingsOfARepeatedRetrain(t *testing.T) {
	s := busy()
	spec := *s.Retrains[1].Retrain
	spec.Net.StemMultiplier, spec.Net.SkipReduction, spec.Train.AuxWeight, spec.Train.Nesterov = 1, true, 0.9, true
	s.Top[0].Retrain = &spec
	d, _ := preset(t, s, "6@768")
	if c := d.press("enter").last().Retrain; c.Net.StemMultiplier != 0 && c.Net.StemMultiplier != 3 ||
		c.Net.SkipReduction || c.Train.AuxWeight != 0.4 || c.Train.Nesterov {
		t.Errorf("sent %+v", *c)
	}
	_, r := preset(t, s, ownSettings)
	if c := r.command().Retrain; c.Net.StemMultiplier != 1 || !c.Net.SkipReduction || c.Train.AuxWeight != 0.9 ||
		!c.Train.Nesterov {
		t.Errorf("as before is %+v", *c)
	}
}
