package tui

import (
	"context"
	"strings"
	"testing"

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// to moves the cursor of a form to a field.
func to(t *testing.T, d *driver, name string) *retrainScreen {
	t.Helper()
	r := d.m.top().(*retrainScreen)
	for range r.fields {
		if r.fields[r.at].name == name {
			return r
		}
		d.press("tab")
	}
	t.Fatalf("no field %s", name)
	return nil
}

func TestTrainingsShowTheirAccuracyAtAnyWidth(t *testing.T) {
	s := busy()
	look := drive(t, s, 80, 24).m.theme
	for w := 32; w < 80; w++ {
		if head := stripped(look.curvePane(s.Running[2], w, 8)[0]); !strings.Contains(head, "val .6908") ||
			strings.Contains(head, "…") {
			t.Errorf("%d columns: %s", w, head)
		}
		all := stripped(strings.Join(look.trainingsPane(s, s.Top[0], w, 8), "\n"))
		for _, acc := range []string{".7714", ".6908 " + look.g.Running, ".7668"} {
			if !strings.Contains(all, acc) {
				t.Errorf("%d columns: no %s in\n%s", w, acc, all)
			}
		}
	}
}

func TestAPresetFillsInTheSettings(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", "r")
	r := to(t, d, "preset")
	for r.get("preset") != "6@768" {
		d.press("right")
	}
	d.press("enter")
	c := d.last()
	want, _ := child.PresetNamed("6@768")
	if c.Do != nas.Retrain || c.Retrain == nil {
		t.Fatalf("sent %+v", c)
	}
	of := want.For(dataset.Info{Image: 32})
	net, train := of.Net, of.Train
	if g := c.Retrain; g.Net.N != net.N || g.Net.Filters != net.Filters || !g.Net.Aux || g.Train.Epochs != 600 ||
		g.Train.DropPath != train.DropPath || g.Train.Augment != train.Augment ||
		g.Train.LR != train.LR || !g.Data.Test || g.Data.TrainImages != 0 {
		t.Errorf("sent %+v", *g)
	}
}

// slow is a search with a best cell that took hours, so that few epochs fit into ten minutes.
func slow() *nas.Snapshot {
	s := busy()
	s.Top[0].Seconds = 16_300
	return s
}

// The fake search trains 45,000 images in 20 epochs with 42M multiply-adds; the preset has N=1 F=8, an eighth of the
// multiply-adds, and all 60,000 images.
func TestAPresetNamedAfterATimeGetsTheEpochsThatFit(t *testing.T) {
	d := drive(t, slow(), 120, 36).press("5", "r")
	r := to(t, d, "preset")
	for r.get("preset") != "10-minutes" {
		d.press("right")
	}
	each := r.trial.Seconds / 20 * 60_000 / 45_000 * (42e6 / 8) / float64(r.trial.MAdds)
	if got, want := r.integer("epochs"), int(600/each); got != want || got < 2 || got >= 60 {
		t.Errorf("%d epochs, want %d", got, want)
	}
	d.press("right") // 1-hour
	if r.get("preset") != "1-hour" || r.get("filters") != "16" || r.integer("epochs") != int(3600/(4*each)) {
		t.Errorf("preset %s with F=%s and %s epochs", r.get("preset"), r.get("filters"), r.get("epochs"))
	}
	to(t, d, "preset")
	for r.get("preset") != ownSettings {
		d.press("left")
	}
	if r.get("filters") != "16" || r.get("epochs") != "20" || r.get("schedule") != "cosine" {
		t.Errorf("F=%s, %s epochs, %s: want those of the search", r.get("filters"), r.get("epochs"), r.get("schedule"))
	}
}

func TestAPresetNamedAfterATimeWaitsForItsEpochs(t *testing.T) {
	d := drive(t, slow(), 120, 36).press("5", "r")
	to(t, d, "preset")
	_, count := d.m.Update(keyMsg("right"))
	if r := d.m.top().(*retrainScreen); r.get("preset") != "10-minutes" || r.integer("epochs") != 60 {
		t.Fatalf("preset %s, %s epochs", r.get("preset"), r.get("epochs"))
	}
	before := len(d.e.commands())
	if d.press("enter"); len(d.e.commands()) != before ||
		!strings.Contains(d.text(), "still working out how many epochs fit") {
		t.Errorf("sent, or not said why:\n%s", d.text())
	}
	d.run(count)
	if d.press("enter"); d.last().Do != nas.Retrain || d.last().Retrain.Train.Epochs >= 60 {
		t.Errorf("sent %+v", d.last())
	}
}

func TestTheTimeOfARetrainIsPredictedFromAnotherChildIfItsOwnHasNone(t *testing.T) {
	s := busy()
	s.Top[0].Seconds = 0
	d := drive(t, s, 120, 36).press("5", "r")
	if r := to(t, d, "preset"); r.gauge.ID != s.Top[1].ID || !strings.Contains(d.text(), "on one worker") {
		t.Errorf("predicted from child %d:\n%s", r.gauge.ID, d.text())
	}
	for i := range s.Top {
		s.Top[i].Seconds = 0
	}
	d = drive(t, s, 120, 36).press("5", "r")
	to(t, d, "preset")
	if d.press("right"); !strings.Contains(d.text(), "^t measures how many epochs fit") {
		t.Errorf("it does not say that the fitting epochs are unknown:\n%s", d.text())
	}
}

// The made-up machine trains 1e10 multiply-adds a second.
func TestTheTimeOfARetrainIsMeasured(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", "r")
	r := to(t, d, "preset")
	if !strings.Contains(d.text(), "on one worker; ^t measures it") {
		t.Errorf("it does not say how to measure:\n%s", d.text())
	}
	for r.get("preset") != "1-hour" {
		d.press("right")
	}
	guessed := r.integer("epochs")
	d.press("ctrl+t")
	each := 60_000 * 42e6 / 2 / 1e10 // N=1 of the two
	if got, want := r.integer("epochs"), int(3600/each); got == guessed || got != want {
		t.Errorf("%d epochs, want %d; before the measurement %d", got, want, guessed)
	}
	if want := "measured: " + clock(seconds(each*float64(r.integer("epochs")))) +
		" on one worker, with 4 others busy"; !strings.Contains(d.text(), want) {
		t.Errorf("want %q:\n%s", want, d.text())
	}
	r.set("epochs", "7")
	if d.press("ctrl+t"); r.integer("epochs") != 7 || !strings.Contains(d.text(), clock(seconds(7*each))) {
		t.Errorf("%s epochs, want those that were typed:\n%s", r.get("epochs"), d.text())
	}
	r.set("filters", "999")
	if d.press("ctrl+t"); !strings.Contains(d.text(), "too large to measure") {
		t.Errorf("it does not say why it was not measured:\n%s", d.text())
	}
	r.set("filters", "x")
	if d.press("ctrl+t"); !strings.Contains(d.text(), "filters F: ") {
		t.Errorf("wrong settings were measured:\n%s", d.text())
	}
}

func TestAPresetDoesNotFlipDigits(t *testing.T) {
	for data, flip := range map[string]bool{"cifar10": true, "mnist": false} {
		s := busy()
		s.Config.Data = data
		d := drive(t, s, 120, 36)
		d.press("5", "r")
		r := to(t, d, "preset")
		for r.get("preset") != "6@768" {
			d.press("right")
		}
		if r.get("data") != data || r.yes("flip") != flip {
			t.Errorf("%s: flip is %s", r.get("data"), r.get("flip"))
		}
	}
}

func TestARetrainJudgedOnTestImagesTrainsOnAllOthers(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", "r")
	r := to(t, d, "judged")
	own := r.get("images")
	if d.press("right"); r.get("judged") != "test" || r.get("images") != "0" {
		t.Errorf("judged on %s: images %s, want 0: all", r.get("judged"), r.get("images"))
	}
	if d.press("right"); r.get("judged") == "test" || r.get("images") != own {
		t.Errorf("judged on %s: images %s, want %s again", r.get("judged"), r.get("images"), own)
	}
	r.set("images", "123")
	if d.press("right"); r.get("images") != "123" {
		t.Errorf("images %s, want what the user chose", r.get("images"))
	}
	before := len(d.e.commands())
	if d.press("enter"); len(d.e.commands()) != before ||
		!strings.Contains(d.text(), "images: 123, but a retrain judged on the test images uses all of them") {
		t.Errorf("sent, or not said why:\n%s", d.text())
	}
}

// preset opens the form of a search and chooses a preset.
func preset(t *testing.T, s *nas.Snapshot, name string) (*driver, *retrainScreen) {
	t.Helper()
	d := drive(t, s, 120, 36).press("5", "r")
	choose(t, d, "preset", name)
	return d, d.m.top().(*retrainScreen)
}

func TestAPresetFollowsTheFieldsItDependsOn(t *testing.T) {
	d, r := preset(t, slow(), "1-hour")
	if r.get("pad") != "4" || !r.yes("flip") || !r.yes("flip-average") {
		t.Fatalf("pad %s, flip %s, flip average %s", r.get("pad"), r.get("flip"), r.get("flip-average"))
	}
	was := r.integer("epochs")
	to(t, d, "n")
	if d.press("backspace", "4"); r.integer("epochs") != was/4 {
		t.Errorf("with four times the cells %s epochs, before %d", r.get("epochs"), was)
	}
	to(t, d, "image")
	if d.press("backspace", "backspace", "6", "4"); r.get("pad") != "8" {
		t.Errorf("pad %s at 64 pixels, want 8", r.get("pad"))
	}
	r.set("pad", "3")
	if d.press("backspace", "backspace", "1", "6"); r.get("pad") != "3" {
		t.Errorf("pad %s, want what the user typed", r.get("pad"))
	}
	r.set("data", "mnist")
	if d.press("down"); r.yes("flip") || r.yes("flip-average") {
		t.Errorf("digits are flipped: flip %s, flip average %s", r.get("flip"), r.get("flip-average"))
	}
	r.set("epochs", "2")
	if d.press("up"); r.get("epochs") != "2" {
		t.Errorf("%s epochs, want what the user typed", r.get("epochs"))
	}
}

func TestTheFormSaysThatNoEpochFits(t *testing.T) {
	s := slow()
	s.Top[0].Seconds *= 1000
	d, r := preset(t, s, "10-minutes")
	if r.get("epochs") != "1" || !strings.Contains(d.text(), "; none fits 10-minutes") {
		t.Errorf("%s epochs, and\n%s", r.get("epochs"), d.text())
	}
}

func TestStoppedAndInheritedChildrenDoNotPredictTimes(t *testing.T) {
	s := busy()
	s.Top[0].HasReward, s.Top[0].State, s.Top[0].Seconds = false, nas.Stopped, 3
	if r := drive(t, s, 120, 36).press("5", "r").m.top().(*retrainScreen); r.gauge.ID == s.Top[0].ID {
		t.Error("predicted from a stopped child")
	}
	s = busy()
	s.Config.Inherited = s.Top[0].ID + 1
	if r := drive(t, s, 120, 36).press("5", "r").m.top().(*retrainScreen); r.gauge.ID == s.Top[0].ID {
		t.Error("predicted from a child of the parent run")
	}
}

func TestTooLongAWarmUpIsNoErrorOnceThereAreEnoughEpochs(t *testing.T) {
	d := drive(t, busy(), 120, 36)
	plans := d.m.options.Plan
	d.m.options.Plan = func(g space.Genotype, s nas.RetrainSpec) (Plan, error) {
		if err := s.Train.Validate(); err != nil {
			return Plan{}, err
		}
		return plans(g, s)
	}
	d.press("5", "r")
	r := to(t, d, "warmup")
	d.press("backspace", "3", "0") // of 20 epochs
	r.set("epochs", "40")
	if d.press("up"); !strings.Contains(d.text(), "multiply-adds") {
		t.Errorf("\n%s", d.text())
	}
}

// If nothing predicts how long an epoch takes, a preset named after a time must not start with its maximum of epochs.
func TestAPresetNamedAfterATimeDoesNotStartWithoutAPrediction(t *testing.T) {
	s := busy()
	for i := range s.Top {
		s.Top[i].Seconds = 0
	}
	d, r := preset(t, s, "1-hour")
	before := len(d.e.commands())
	if d.press("enter"); len(d.e.commands()) != before ||
		!strings.Contains(d.text(), "it is not known how many epochs fit 1-hour: ^t measures it") {
		t.Fatalf("sent, or not said why:\n%s", d.text())
	}
	to(t, d, "epochs")
	if d.press("backspace", "backspace", "backspace", "7", "enter"); len(d.e.commands()) != before+1 ||
		d.last().Retrain.Train.Epochs != 7 {
		t.Errorf("with 7 epochs typed %d commands, epochs %s\n%s", len(d.e.commands())-before,
			r.get("epochs"), d.text())
	}
}

func TestAnotherCellIsRetrainedByNameOrText(t *testing.T) {
	known, err := space.Lookup("pnasnet-5")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"pnasnet-5", known.Genotype.Text()} {
		d := drive(t, busy(), 120, 36).press("5", "r")
		r := to(t, d, "other")
		d.typeText(text)
		if !strings.Contains(strings.Join(d.frame()[:1], ""), known.Genotype.ShortHash()[:4]) {
			t.Errorf("%s: the header is %s", text, d.frame()[0])
		}
		if !strings.Contains(d.frame()[0], "pnasnet-5") || strings.Contains(d.text(), "-1 ") {
			t.Errorf("%s: it is not named, or a trial is listed that does not exist\n%s", text, d.text())
		}
		c := d.press("enter").last()
		if c.Do != nas.Retrain || c.Parent != nil || c.Cell == nil || c.Cell.Text() != known.Genotype.Text() {
			t.Errorf("%s: sent %+v of %s", text, c, r.get("other"))
		}
	}
	d := drive(t, busy(), 120, 36).press("5", "r")
	to(t, d, "other")
	before := len(d.e.commands())
	if d.typeText("nasnet-b").press("enter"); len(d.e.commands()) != before ||
		!strings.Contains(d.text(), "cannot be expressed") {
		t.Errorf("sent, or not said why:\n%s", d.text())
	}
	d = drive(t, busy(), 120, 36).press("5", " ", "j", " ", "r")
	r := to(t, d, "other")
	d.typeText("nasnet-a")
	if r.set("cells", r.groups[1].name); len(r.group().cells) != 3 {
		t.Errorf("%d cells, want the two that were marked and the other one", len(r.group().cells))
	}
}

func TestARunWithoutACellRetrainsAKnownOne(t *testing.T) {
	known, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	s := fresh()
	s.Running = nil
	d := drive(t, s, 80, 24).press("r")
	if !strings.Contains(d.frame()[0], "retrain") || !strings.Contains(d.frame()[0], "nasnet-a") {
		t.Fatalf("the header is %s", d.frame()[0])
	}
	if c := d.press("enter").last(); c.Do != nas.Retrain || c.Parent != nil || c.Cell == nil ||
		c.Cell.Text() != known.Genotype.Text() {
		t.Errorf("sent %+v", c)
	}
}

// shoes makes ./shoes a folder of images that is surveyed only when a training on it is measured.
func (d *driver) shoes() (seen *bool) {
	plans, estimate := d.m.options.Plan, d.m.options.Estimate
	seen = new(bool)
	d.m.options.Plan = func(g space.Genotype, s nas.RetrainSpec) (Plan, error) {
		p, err := plans(g, s)
		if s.Data.Name == "./shoes" && !*seen {
			p.Unread, p.Images = true, 0
		} else if s.Data.Name == "./shoes" {
			p.Images = 600
		}
		return p, err
	}
	d.m.options.Estimate = func(ctx context.Context, g space.Genotype, s nas.RetrainSpec) (child.Estimate, error) {
		*seen = true
		return estimate(ctx, g, s)
	}
	return seen
}

// guess is what the form says of a folder that is not surveyed yet.
const guess = "assuming 10 classes in colour; ^t checks"

// The content of a folder is unknown while its name is typed.
func TestMeasuringSurveysAFolder(t *testing.T) {
	d := drive(t, busy(), 120, 36)
	seen := d.shoes()
	d.press("5", "r")
	r := to(t, d, "data")
	if strings.Contains(d.text(), guess) {
		t.Errorf("a known data set is called unknown:\n%s", d.text())
	}
	r.set("data", "./shoes")
	if d.press("down"); !strings.Contains(d.text(), guess) || !strings.Contains(d.text(), "^t measures its time") {
		t.Errorf("it does not say what is unknown:\n%s", d.text())
	}
	if d.press("ctrl+t"); strings.Contains(d.text(), guess) || !strings.Contains(d.text(), "measured: ") {
		t.Errorf("it was surveyed:\n%s", d.text())
	}
	*seen = false
	d.m.plans = nil
	_, measure := d.m.Update(keyMsg("ctrl+t"))
	r.set("n", "1") // meanwhile
	d.press("down").run(measure)
	if !strings.Contains(d.text(), "multiply-adds") || strings.Contains(d.text(), guess) {
		t.Errorf("a plan made before the survey is forgotten, and not made again:\n%s", d.text())
	}
	r.set("n", "3") // a plan made after the survey
	if d.press("down"); strings.Contains(d.text(), guess) || !strings.Contains(d.text(), "about ") {
		t.Errorf("it was surveyed:\n%s", d.text())
	}
}

// Forms share what is known of networks: one that did not ask for a measurement makes its plan again, too.
func TestEveryOpenFormUsesAMeasurement(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", "enter")
	d.shoes()
	open := func(n string) {
		r := to(t, d.press("r"), "data")
		r.set("data", "./shoes")
		r.set("n", n)
		if d.press("down"); !strings.Contains(d.text(), guess) {
			t.Fatalf("the folder is known:\n%s", d.text())
		}
	}
	_, measure := d.m.Update(keyMsg("m")) // a latency, which does not survey the folder
	open("2")
	if d.run(measure); !strings.Contains(d.m.toast.text, "an image on one thread") ||
		!strings.Contains(d.text(), guess) {
		t.Errorf("the latency of a cell removed a plan:\n%s", d.text())
	}
	_, measure = d.m.Update(keyMsg("ctrl+t"))
	d.press("esc")
	open("3")
	if d.run(measure); !strings.Contains(d.text(), "multiply-adds") || strings.Contains(d.text(), guess) {
		t.Errorf("the form opened meanwhile ignores the survey:\n%s", d.text())
	}
}
