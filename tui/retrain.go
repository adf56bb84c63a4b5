package tui

import (
	"fmt"
	"math"
	"strconv"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
)

// retrainScreen asks how a picked cell is to be trained again. The fields begin with the settings of the search.
type retrainScreen struct {
	form
	trial nas.TrialView
	spec  nas.RetrainSpec // of the search, or of the retrain that is repeated
}

func openRetrain(m *model) (screen, string) {
	v, ok := m.picked()
	if !ok {
		if m.snap.Best == nil {
			return nil, "there is no cell to retrain yet"
		}
		v = *m.snap.Best
	}
	c := m.snap.Config
	spec := nas.RetrainSpec{Net: c.Net, Train: c.Train, Seed: c.Seed,
		Data: nas.DataSpec{Name: c.Data, Dir: c.DataDir, Image: c.Net.Image, TrainImages: c.TrainImages, ValImages: c.ValImages, Seed: c.Seed}}
	if v.Retrain != nil {
		spec = *v.Retrain
	}
	judged := "validation"
	if spec.Data.Test {
		judged = "test"
	}
	d := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	named := func(s string) error {
		if s == "" {
			return fmt.Errorf("want a name or a folder")
		}
		return nil
	}
	fields := []field{
		{name: "data", label: "data set", value: spec.Data.Name, choices: m.options.DataSets, check: named, hint: "a name, or a folder of class folders"},
		{name: "judged", label: "judged on", value: judged, choices: []string{"validation", "test"}, hint: "test: train on all, judge on test images"},
		{name: "images", label: "images", value: fmt.Sprint(spec.Data.TrainImages), check: whole(0, 100_000_000), hint: "to train on; 0 = all there are"},
		{name: "image", label: "image side", value: fmt.Sprint(spec.Data.Image), check: whole(4, 1024), hint: "pixels"},
		{name: "n", label: "cells N", value: fmt.Sprint(spec.Net.N), check: whole(1, 64), hint: "normal cells in each of the three stacks"},
		{name: "f", label: "filters F", value: fmt.Sprint(spec.Net.Filters), check: whole(1, 4096), hint: "of the first stack"},
		{name: "epochs", label: "epochs", value: fmt.Sprint(spec.Train.Epochs), check: whole(1, 100_000)},
		{name: "batch", label: "batch", value: fmt.Sprint(spec.Train.Batch), check: whole(1, 65_536), hint: "images a step"},
		{name: "lr", label: "lr", value: d(spec.Train.LR), check: between(0, 100, true), hint: "at the start, " + spec.Train.Schedule},
		{name: "mode", label: "DropPath", value: spec.Train.DropPath.Mode, choices: []string{"none", "linear", "constant", "scaled"}, hint: "linear: the paper's schedule"},
		{name: "prob", label: "drop at end", value: d(spec.Train.DropPath.Prob), check: between(0, 0.95, false), hint: "probability; keep is 1 less it"},
		{name: "seed", label: "seed", value: fmt.Sprint(spec.Seed), check: natural},
	}
	return &retrainScreen{form: newForm(fields...), trial: v, spec: spec}, ""
}

func (r *retrainScreen) scope() scope { return onForm }
func (r *retrainScreen) back() bool   { return false }

func (r *retrainScreen) selected(*model) (nas.TrialView, bool) { return r.trial, true }

func (r *retrainScreen) typed(_ *model, msg tea.KeyMsg) tea.Cmd {
	r.form.typed(msg)
	return nil
}

// command is the command that the fields ask for.
func (r *retrainScreen) command() nas.Command {
	s := r.spec
	if name := r.get("data"); name != s.Data.Name {
		s.Data.Name, s.Data.Dir = name, ""
		s.Net.Channels, s.Net.Classes = 0, 0 // those of the new data set
	}
	s.Data.Test = r.get("judged") == "test"
	s.Data.TrainImages, s.Data.Image = r.integer("images"), r.integer("image")
	if s.Data.Test && !r.changed("images") {
		s.Data.TrainImages = 0
	}
	s.Net.N, s.Net.Filters, s.Net.Image = r.integer("n"), r.integer("f"), s.Data.Image
	s.Train.Epochs, s.Train.Batch, s.Train.LR = r.integer("epochs"), r.integer("batch"), r.decimal("lr")
	s.Train.Shards = 0 // as the batch asks for
	s.Train.DropPath.Mode, s.Train.DropPath.Prob = r.get("mode"), r.decimal("prob")
	s.Seed, _ = strconv.ParseUint(r.get("seed"), 10, 64)
	g := r.trial.Genotype
	return nas.Command{Do: nas.Retrain, Parent: &r.trial.ID, Cell: &g, Retrain: &s}
}

func (f *form) changed(name string) bool {
	for i := range f.fields {
		if f.fields[i].name == name {
			return f.fields[i].changed()
		}
	}
	return false
}

func (r *retrainScreen) act(m *model, a action) tea.Cmd {
	if r.form.act(a) || a != actAccept {
		return nil
	}
	if i, err := r.wrong(); err != nil {
		r.at = i
		return m.say(err.Error(), true)
	}
	return m.send(r.command())
}

func (r *retrainScreen) header(m *model, w int) string {
	t := m.theme
	left := " retrain " + t.bold.Render(short(r.trial))
	if r.trial.Star {
		left += " " + t.star.Render(t.g.Star)
	}
	if r.trial.HasReward {
		left += "   reward " + score(r.trial.Reward, 4)
	}
	return t.spread(left, m.way("cancel"), w)
}

func (r *retrainScreen) view(m *model, w, h int) []string {
	t := m.theme
	p := pane{title: "Settings", focus: true, foot: "tab next " + t.g.Dot + " enter start"}
	left := w
	if w >= 76 {
		left = max(47, min(74, w*48/100))
	}
	body := append([]string{""}, r.form.lines(t, left-2, max(1, h-6))...)
	if h >= len(body)+5 {
		body = append(body, "")
		for _, l := range r.estimate(m) {
			body = append(body, "   "+t.cut(l, left-6))
		}
	}
	out := p.draw(t, left, h, body)
	if left == w {
		return out
	}
	right := w - left
	upper := h * 55 / 100
	shown := r.trial
	for _, x := range m.snap.Running {
		if x.Cell == r.trial.Cell && x.Kind == nas.Retrained {
			shown = x
		}
	}
	return beside(out, append(t.curvePane(shown, right, upper), t.trainingsPane(m.snap, r.trial, right, h-upper)...))
}

// estimate tells what the settings will cost, by the time of the cell's own training in the search and the work in proportion.
func (r *retrainScreen) estimate(m *model) []string {
	if _, err := r.wrong(); err != nil {
		return nil
	}
	c, to := m.snap.Config, r.command().Retrain
	images := float64(to.Data.TrainImages)
	if r.trial.Seconds <= 0 || r.trial.Kind == nas.Retrained || c.TrainImages == 0 || c.Net.Filters == 0 || c.Train.Epochs == 0 {
		return []string{"its time is known after the first epoch"}
	}
	if images == 0 {
		return []string{"on all images: its time is known after", "the first epoch"}
	}
	sq := func(a, b int) float64 { return math.Pow(float64(a)/float64(max(b, 1)), 2) }
	work := images / float64(c.TrainImages) * float64(to.Train.Epochs) / float64(c.Train.Epochs) * float64(3*to.Net.N+2) / float64(3*c.Net.N+2) *
		sq(to.Net.Filters, c.Net.Filters) * sq(to.Net.Image, c.Net.Image)
	return []string{fmt.Sprintf("%.1f%s its search training (%s):", work, m.theme.g.Times, clock(seconds(r.trial.Seconds))),
		fmt.Sprintf("about %s on one worker", clock(seconds(min(r.trial.Seconds*work, 1e9))))}
}

// trainingsPane lists the trainings of a cell.
func (t theme) trainingsPane(s *nas.Snapshot, v nas.TrialView, w, h int) []string {
	wide := w >= 50
	line := func(child, data, net, epochs, seed, acc string) string {
		l := " " + fit(child, 6)
		if wide {
			l += " " + fit(data, 14)
		}
		l += " " + fit(net, 5) + " " + fitRight(epochs, 6)
		if wide {
			l += "  " + fitRight(seed, 4)
		}
		return l + " " + acc
	}
	body := []string{t.title.Render(line("CHILD", "DATA", "N"+t.g.Times+"F", "EPOCH", "SEED", " ACC"))}
	add := func(x nas.TrialView) {
		data, net, seed := s.Config.Data, s.Config.Net, s.Config.Seed
		if x.Retrain != nil {
			data, net, seed = x.Retrain.Data.Name, x.Retrain.Net, x.Retrain.Seed
		}
		acc := " " + t.g.None
		if a := valAcc(x); !math.IsNaN(a) {
			acc = score(a, 4)
		}
		if x.State == nas.Running {
			acc += " " + t.g.Running
		}
		body = append(body, t.cut(line(x.Label(), t.clean(data), fmt.Sprintf("%d%s%d", net.N, t.g.Times, net.Filters), fmt.Sprintf("%d/%d", x.Epoch, x.Epochs),
			fmt.Sprint(seed), acc), w-3))
	}
	seen := map[int]bool{}
	for _, list := range [][]nas.TrialView{{v}, s.Running, s.Retrains} {
		for _, x := range list {
			if !seen[x.ID] && (x.ID == v.ID || x.Kind == nas.Retrained && x.Cell == v.Cell) {
				seen[x.ID] = true
				add(x)
			}
		}
	}
	return pane{title: "Trainings of this cell"}.draw(t, w, h, body)
}
