package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"nasnet/checkpoints"
	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/experiment"
	"nasnet/nas/local"
	"nasnet/nas/record"
	"nasnet/nas/remote"
	"nasnet/nas/search"
	"nasnet/nas/setting"
	"nasnet/nas/space"
)

// retrainCommands returns the trainings of ctl retrain: of every cell given, starred cells and baselines, with every
// seed. It skips trainings that the run has or is doing, unless only one is asked for.
func retrainCommands(a *app, ctx context.Context, dir string, fs *pflag.FlagSet, f *ctlFlags,
	cells []string) (all []nas.Command, err error) {
	if f.seeds < 1 || f.seeds > experiment.MostSeeds {
		return nil, usagef("ctl retrain: got --seeds %d; want 1 to %d", f.seeds, experiment.MostSeeds)
	}
	if len(cells) == 0 && !f.stars && !f.baselines {
		return nil, usagef("ctl retrain: got no CELL; want at least one, or --stars or --baselines")
	}
	spec, preset, err := retrainSpec(dir, fs, f)
	if err != nil {
		return nil, err
	}
	s, err := search.ReadSnapshot(dir)
	if err != nil {
		return nil, err
	}
	for _, cell := range cells {
		one := nas.Command{Text: f.note}
		if err := cellOrTrial(a, &one, cell); err != nil {
			return nil, err
		}
		if one.Cell == nil {
			t, err := findTrial(dir, *one.Parent)
			if err != nil {
				return nil, err
			}
			g, err := space.ParseJSON(t.Genotype)
			if err != nil {
				return nil, err
			}
			one.Cell = &g
		}
		all = append(all, one)
	}
	if f.stars {
		n := len(all)
		for _, v := range slices.Concat(s.Top, s.Starred) {
			if v.Star {
				all = append(all, nas.Command{Cell: &v.Genotype, Parent: &v.ID, Text: f.note})
			}
		}
		if len(all) == n {
			err := fmt.Errorf("ctl retrain: no cell of run %s has a star", s.Config.Name)
			if s.Best == nil {
				return nil, err
			}
			return nil, hinted{err, "to star its best cell: " + a.store.command("ctl", dir, "star", s.Best.Label())}
		}
	}
	if preset.Within > 0 && !fs.Changed("epochs") {
		if !checkpoints.Summary(dir).Live && !f.estimate {
			return nil, a.notRunning(remote.ErrNotRunning, dir)
		}
		spec.Train.Epochs = preset.MostEpochs // until fitEpochs has measured how many fit
		if err := fitEpochs(a, ctx, spec, preset, experiment.Commands(s, all, *spec, f.baselines, 1)); err != nil {
			return nil, err
		}
	}
	if err := spec.Net.Validate(); err != nil {
		return nil, usageError{err}
	}
	if err := spec.Train.Validate(); err != nil {
		return nil, usageError{err}
	}
	all = experiment.Commands(s, all, *spec, f.baselines, f.seeds)
	if len(all) == 0 {
		return nil, hinted{fmt.Errorf("run %s has all these trainings", s.Config.Name),
			"to show them: " + a.store.command("ladder", dir, "--retrains")}
	}
	return all, nil
}

// retrainSpec returns the settings of the search, or of a preset, as changed by flags. A preset named after a time has
// no epochs yet.
func retrainSpec(dir string, fs *pflag.FlagSet, f *ctlFlags) (r *nas.RetrainSpec, preset child.Preset, err error) {
	parted := fs.Changed("train-images") || fs.Changed("val-images")
	if f.test && parted {
		return nil, preset, usagef("ctl retrain: got --test with --train-images or --val-images; want one or the " +
			"other, because --test trains on all training images")
	}
	own, _, err := record.ReadConfig(dir)
	if err != nil {
		return nil, preset, err
	}
	c := own
	if err := giveSearch(fs, &c); err != nil {
		return nil, preset, err
	}
	if c.Data != own.Data {
		c.DataDir = ""
	}
	r = &nas.RetrainSpec{Setup: own.Setup, Seed: c.Seed,
		Data: nas.DataSpec{Name: c.Data, Dir: c.DataDir, Image: c.Net.Image, TrainImages: c.TrainImages,
			ValImages: c.ValImages, Test: f.test, Seed: own.Seed}}
	if f.preset != "" {
		if preset, err = child.PresetNamed(f.preset); err != nil {
			return nil, preset, usageError{err}
		}
		if err := usePreset(r, preset, fs.Changed("image")); err != nil {
			return nil, preset, err
		}
		if !fs.Changed("test") {
			r.Data.Test = !parted
		}
		if !fs.Changed("train-images") { // presets are meant for all images
			r.Data.TrainImages = 0
		}
	}
	if r.Data.Test {
		r.Data.TrainImages = 0
	}
	return r, preset, changeRetrain(r, fs)
}

// changeRetrain sets what the flags give.
func changeRetrain(r *nas.RetrainSpec, fs *pflag.FlagSet) error {
	r.Net.Image = r.Data.Image
	r.Net, r.Train.Shards = r.Net.WithDefaults(), 0 // 0: the batch decides
	err := give(fs, child.Settings.For(setting.Train), &r.Setup)
	r.Net = r.Net.WithDefaults()
	return err
}

// usePreset gives a retrain the settings of a preset. sided reports whether --image was given; if not, the preset may
// set the side of the images.
func usePreset(r *nas.RetrainSpec, preset child.Preset, sided bool) error {
	side := r.Data.Image
	switch {
	case preset.Net.Image > 0 && !sided:
		side = 0 // the preset's
	case side == 0 && preset.Net.Image == 0: // the images' own
		info, err := dataset.Lookup(r.Data.Name)
		if err != nil || info.Image == 0 {
			return usagef("ctl retrain: got --image 0 with preset %s; want a side, because the size of the images of "+
				"%s is unknown until they are read", preset.Name, r.Data.Name)
		}
		side = info.Image
	}
	*r = r.With(preset, side)
	return nil
}

// printRetrainPlans prints the time and memory of retrains.
func printRetrainPlans(a *app, ctx context.Context, dir string, all []nas.Command) error {
	s, err := search.ReadSnapshot(dir)
	if err != nil {
		return err
	}
	if _, _, err := a.surveys.survey(ctx, *all[0].Retrain); err != nil { // all are on the same images
		return err
	}
	var ps []planned
	for _, c := range all {
		text := c.Cell.Text()
		if i := slices.IndexFunc(ps, func(p planned) bool { return p.genotype.Text() == text }); i >= 0 {
			ps[i].trainings++ // with another seed
			continue
		}
		r, v := a.surveys.unread(*c.Retrain)
		if err := local.ImagesFit(r.Data, local.DefaultMemory()); err != nil {
			return err
		}
		name := "cell " + c.Cell.ShortHash()[:4]
		if c.Parent != nil {
			name = "trial " + nas.TrialLabel(*c.Parent)
		}
		if c.Text != "" {
			name += " (" + c.Text + ")"
		}
		ps = append(ps, planned{name, experiment.NewRung(r.Data, r.Setup, r.Setup).Name, *c.Cell, r.Net, r.Train, v, 1})
	}
	own := s.Config.Setup
	own.Train.Shards = 0 // as in the retrains
	return printPlans(a, ctx, ps, max(1, s.Workers), otherSettings(all[0].Retrain.Setup, own))
}

// fitEpochs sets the epochs of retrains with the same spec, so that each fits into the preset's time as measured now.
func fitEpochs(a *app, ctx context.Context, spec *nas.RetrainSpec, preset child.Preset, all []nas.Command) error {
	of, v, err := a.surveys.survey(ctx, *spec)
	if err != nil {
		return err
	}
	fits := preset.MostEpochs
	for _, c := range all {
		e, err := measured(ctx, *c.Cell, of, v)
		if err != nil {
			return hinted{err, "--epochs N sets the epochs without a measurement"}
		}
		if fits = min(fits, e.Epochs(preset.Within)); fits == 0 {
			return hinted{fmt.Errorf("ctl retrain: an epoch takes %s here now; none fits into %s",
				long(e.EpochSeconds), preset.Name), "--epochs 1 trains one epoch, however long it takes"}
		}
	}
	spec.Train.Epochs = fits
	return nil
}

// cellOrTrial sets a command's cell: a trial of the run, or any other CELL.
func cellOrTrial(a *app, c *nas.Command, cell string) error {
	if _, trial, ok := cutTrial("run/" + cell); ok {
		c.Parent = &trial // the engine knows its cell
		return nil
	}
	g, err := cellOf(a, cell)
	if err != nil {
		return err
	}
	c.Cell = &g
	return nil
}
