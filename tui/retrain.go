package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/child"
)

// retrainScreen is the form for training picked cells again. Its fields start at the settings of the search.
type retrainScreen struct {
	form
	trial  nas.TrialView
	groups []group         // sets of cells to train together; the first is trial alone
	spec   nas.RetrainSpec // the search's, or the repeated retrain's
	search nas.Config
	// a finished child of this search, of this cell or of the best one; its time and multiply-adds predict how long
	// others take
	gauge  nas.TrialView
	timed  bool        // set the epochs that fit the preset's time, once they are known
	fitted string      // the epochs that fitted
	filled []field     // the fields as preset and stack set them
	edited *editScreen // where the cell was edited; nil if it was not
}

// ownSettings is the preset that changes nothing.
const ownSettings = "as before"

func openRetrain(m *model) (screen, string) {
	v, ok := m.picked()
	switch {
	case ok:
	case m.snap.Best != nil:
		v = *m.snap.Best
	default: // the run has no cell yet, but the form accepts others
		if v, ok = noTrialOf("nasnet-a"); !ok {
			return nil, "there is no cell to retrain yet"
		}
	}
	c := m.snap.Config
	spec := nas.RetrainSpec{Setup: c.Setup, Data: c.DataSpec(), Seed: c.Seed}
	spec.Train.Shards = 0 // chosen from the batch; a search uses one
	if v.Retrain != nil {
		spec = *v.Retrain
	}
	spec.Setup = spec.Setup.Plain()
	groups := groupsFor(m, v)
	r := &retrainScreen{trial: v, groups: groups, spec: spec, search: c,
		form: newForm(withCells(retrainFields(spec, m.options.DataSets), groups, len(m.marks) > 0)...)}
	for _, x := range append([]nas.TrialView{v}, m.snap.Top...) {
		if x.Kind != nas.Retrained && x.HasReward && x.Seconds > 0 && x.MAdds > 0 && c.Comparable(x.ID) {
			r.gauge = x
			break
		}
	}
	r.filled = retrainFields(r.base(), nil)
	if e, ok := m.top().(*editScreen); ok && e.now > 0 {
		r.edited = e
	}
	return r, ""
}

func (r *retrainScreen) init(m *model) tea.Cmd { return r.askPlan(m, r.command()) }

// base returns the settings that the fields modify: the search's, the repeated retrain's or the preset's, with the
// images and the stack that the fields give.
func (r *retrainScreen) base() nas.RetrainSpec {
	s, side := r.spec, r.integer("image")
	if name := r.get("data"); name != s.Data.Name {
		s.Data.Name, s.Data.Dir = name, ""
		s.Net.Channels, s.Net.Classes = 0, 0 // taken from the new data set
	}
	if preset, err := child.PresetNamed(r.get("preset")); err == nil {
		s = s.With(preset, side)
	}
	s.Net.Image = side
	giveSettings(&r.form, retrainSettings().Only("stack"), &s.Setup)
	s.Setup = s.Setup.Plain()
	return s
}

// fill puts the settings of the chosen preset into the fields.
func (r *retrainScreen) fill() {
	spec := r.spec
	r.timed, r.fitted = false, ""
	if preset, err := child.PresetNamed(r.get("preset")); err == nil {
		side := spec.Data.Image
		if preset.Net.Image > 0 {
			side = 0 // as the preset prescribes
		}
		spec.Data.Name = r.get("data")
		spec = spec.With(preset, side)
		spec.Setup = spec.Setup.Plain()
		r.timed = preset.Within > 0
	}
	r.filled = retrainFields(spec, nil)
	for _, x := range r.filled {
		if !slices.Contains([]string{"preset", "data", "seed", "seeds", "other", "baselines"}, x.name) {
			r.set(x.name, x.value)
		}
	}
}

// follow updates what the preset and the stack derive from the images, and the epochs that fit. It keeps what the user
// has set.
func (r *retrainScreen) follow() {
	if r.integer("image") < 1 {
		return
	}
	now := retrainFields(r.base(), nil)
	for i, x := range r.filled {
		if _, ok := retrainSettings().Named(x.name); ok && r.get(x.name) == x.value {
			r.set(x.name, now[i].value)
			r.filled[i].value = now[i].value
		}
	}
	r.refit()
}

func (r *retrainScreen) typed(m *model, msg tea.KeyMsg) tea.Cmd {
	r.form.typed(msg)
	if r.fields[r.at].name == "epochs" { // typed epochs count, whatever fits
		r.timed, r.fitted = false, ""
	}
	r.follow()
	return r.ask(m)
}

// ask requests the cost of the settings if they are valid.
func (r *retrainScreen) ask(m *model) tea.Cmd {
	if _, err := r.wrong(); err != nil {
		return nil
	}
	cmd := r.askPlan(m, r.command())
	if cmd == nil {
		r.settle(m)
	}
	return cmd
}

// command returns the command that the fields describe.
func (r *retrainScreen) command() nas.Command {
	s := r.base()
	s.Data.Test = r.get("judged") == "test"
	s.Data.TrainImages, s.Data.Image = r.integer("images"), r.integer("image")
	giveSettings(&r.form, retrainSettings(), &s.Setup)
	s.Seed, _ = strconv.ParseUint(r.get("seed"), 10, 64)
	c := ofCell(r.cell())
	c.Do, c.Retrain = nas.Retrain, &s
	return c
}

func (r *retrainScreen) scope() scope { return onForm }
func (r *retrainScreen) back() bool   { return false }

func (r *retrainScreen) selected(*model) (nas.TrialView, bool) { return r.trial, true }

// chooseImages selects all training images if the training is judged on the test images, otherwise the search's number,
// unless the user chose another.
func (r *retrainScreen) chooseImages() {
	switch own := fmt.Sprint(r.spec.Data.TrainImages); {
	case r.get("judged") == "test" && r.get("images") == own:
		r.set("images", "0")
	case r.get("judged") != "test" && r.get("images") == "0":
		r.set("images", own)
	}
}

func (r *retrainScreen) act(m *model, a action) tea.Cmd {
	preset, judged := r.get("preset"), r.get("judged")
	if r.form.act(a) {
		switch {
		case a == actReset:
			r.timed = false
			r.filled = retrainFields(r.base(), nil)
		case r.get("preset") != preset:
			r.fill()
		case r.get("judged") != judged:
			r.chooseImages()
		}
		r.follow()
		return r.ask(m)
	}
	if a != actAccept && a != actMeasureTime {
		return nil
	}
	if r.sent {
		return m.say("already sent; waiting for the answer", false)
	}
	if i, err := r.wrong(); err != nil {
		r.at = i
		return m.say(err.Error(), true)
	}
	c := r.command()
	if err := cmp.Or(c.Retrain.Net.Validate(), c.Retrain.Train.Validate()); err != nil {
		return m.say(err.Error(), true)
	}
	if c.Retrain.Data.Test && c.Retrain.Data.TrainImages > 0 {
		return m.say(fmt.Sprintf("images: %d, but a retrain judged on the test images uses all of them: want 0",
			c.Retrain.Data.TrainImages), true)
	}
	if a == actMeasureTime {
		return r.measureEpoch(m, c)
	}
	if r.timed && m.options.Plan != nil {
		if p, known := m.plan(c); p.err != nil {
			return m.say(p.err.Error(), true)
		} else if !known {
			return tea.Batch(m.say("still working out how many epochs fit", true), r.askPlan(m, c))
		}
		if r.settle(m); r.timed {
			return m.say("it is not known how many epochs fit "+r.get("preset")+": "+m.keyOf(actMeasureTime)+
				" measures it, or type a number", true)
		}
		c = r.command() // now with the epochs that fit
	}
	return r.start(m, c)
}

func (r *retrainScreen) header(m *model, w int) string {
	t := m.theme
	g := r.group()
	if len(g.cells) > 1 {
		name := " retrain " + t.bold.Render(g.name)
		if g.joined {
			name += " and another cell"
		}
		return t.spread(name, m.way("cancel"), w)
	}
	v := g.cells[0]
	left := " retrain " + t.bold.Render(short(v))
	if v.ID == noTrial && v.Genotype.Name != "" {
		left += " " + t.clean(v.Genotype.Name)
	}
	if v.Star {
		left += " " + t.star.Render(t.g.Star)
	}
	if v.HasReward {
		left += "   reward " + score(v.Reward, 4)
	}
	return t.spread(left, m.way("cancel"), w)
}

func (r *retrainScreen) view(m *model, w, h int) []string {
	t := m.theme
	p := pane{title: "Settings", focus: true, foot: m.keyOn(onForm, actDown) + " next " + t.g.Dot + " " +
		m.keyOn(onForm, actAccept) + " start"}
	left := w
	if w >= 76 {
		left = max(47, min(74, w*48/100))
	}
	estimate := r.estimate(m)
	room := max(3, len(estimate)) // the form does not jump when it is known
	body := append([]string{""}, r.form.lines(t, left-2, max(1, h-4-room))...)
	if h >= len(body)+3+room {
		body = append(body, "")
		for _, l := range estimate {
			body = append(body, "   "+t.cut(l, left-6))
		}
	}
	out := p.draw(t, left, h, body)
	if left == w {
		return out
	}
	right := w - left
	upper := h * 55 / 100
	cell := r.cell()
	shown := cell
	for _, x := range m.snap.Running {
		if x.Cell == cell.Cell && x.Kind == nas.Retrained {
			shown = x
		}
	}
	return beside(out, append(t.curvePane(shown, right, upper), t.trainingsPane(m.snap, cell, right, h-upper)...))
}

// settle sets the epochs of a preset that is named after a time to what fits, once the cost of an epoch is known.
func (r *retrainScreen) settle(m *model) {
	preset, err := child.PresetNamed(r.get("preset"))
	if err != nil || !r.timed {
		return
	}
	p, known := m.plan(r.command())
	if !known {
		return
	}
	if s := r.seconds(p, 1); s > 0 {
		r.timed, r.fitted = false, fmt.Sprint(max(1, min(preset.MostEpochs, int(preset.Within.Seconds()/s))))
		r.set("epochs", r.fitted)
	}
}

// refit lets settle fit the epochs again, unless the user chose others.
func (r *retrainScreen) refit() {
	if r.within() > 0 && r.get("epochs") == r.fitted {
		r.timed = true
	}
}

// within returns the time that the preset is named after, or 0.
func (r *retrainScreen) within() time.Duration {
	preset, _ := child.PresetNamed(r.get("preset"))
	return preset.Within
}

// estimate describes the cost of the settings.
func (r *retrainScreen) estimate(m *model) []string {
	if _, err := r.wrong(); err != nil {
		return nil
	}
	c := r.command()
	p, known := m.plan(c)
	switch {
	case p.err != nil:
		return []string{m.theme.clean(p.err.Error())}
	case !known:
		return []string{"…"}
	}
	lines := []string{fmt.Sprintf("%s parameters, %s multiply-adds", amount(p.Params), amount(p.MAdds)),
		nas.FormatBytes(p.Bytes) + " of memory"}
	if p.Unread {
		lines = append(lines, fmt.Sprintf("assuming %d classes in colour; %s checks",
			c.Retrain.Net.WithDefaults().Classes,
			m.keyOf(actMeasureTime)))
	}
	switch n := len(r.commands(m, c)); {
	case n == 0:
		return []string{"the run already has all these trainings"}
	case n > 1:
		lines[0] = short(r.cell()) + ": " + lines[0]
		return append(lines, plural(n, "training", "trainings")+", "+r.time(m, p, c.Retrain.Train.Epochs, " each"))
	}
	return append(lines, r.time(m, p, c.Retrain.Train.Epochs, ""))
}

// time describes how long the epochs will take, as far as that is known. each is " each" if there are several
// trainings.
func (r *retrainScreen) time(m *model, p plan, epochs int, each string) string {
	s := r.seconds(p, epochs)
	took := clock(seconds(min(s, 1e9))) + each
	switch {
	case s > 0 && epochs == 1 && s > r.within().Seconds() && r.within() > 0:
		return "an epoch takes " + took + "; none fits " + r.get("preset")
	case p.epoch > 0 && each != "":
		return took + ", measured"
	case p.epoch > 0 && p.beside > 0:
		return fmt.Sprintf("measured: %s on one worker, with %d others busy", took, p.beside)
	case p.epoch > 0:
		return "measured: " + took + " on one worker"
	case s > 0 && each != "":
		return "about " + took + "; " + m.keyOf(actMeasureTime) + " times it"
	case s > 0:
		return "about " + took + " on one worker; " + m.keyOf(actMeasureTime) + " measures it"
	}
	if r.within() > 0 {
		return m.keyOf(actMeasureTime) + " measures how many epochs fit"
	}
	return m.keyOf(actMeasureTime) + " measures its time"
}

// seconds returns how long the epochs will take one worker: as measured, or in proportion to the images, epochs and
// multiply-adds of the gauge's training; 0 if neither is known.
func (r *retrainScreen) seconds(p plan, epochs int) float64 {
	if p.epoch > 0 {
		return p.epoch * float64(epochs)
	}
	was := r.search
	if r.gauge.Seconds <= 0 || p.Images == 0 || was.TrainImages == 0 || was.Train.Epochs == 0 {
		return 0
	}
	return r.gauge.Seconds * float64(p.Images) / float64(was.TrainImages) * float64(epochs) /
		float64(was.Train.Epochs) * float64(p.MAdds) / float64(r.gauge.MAdds)
}
