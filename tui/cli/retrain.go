package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// retrainFlags are the flags that ctl retrain takes; those of a network and of a training are those of nasnet train.
var retrainFlags = func() string {
	words := "note preset seeds data train-images val-images test image seed"
	settingFlags(new(child.NetConfig), new(child.TrainConfig)).VisitAll(func(x *pflag.Flag) { words += " " + x.Name })
	return words
}()

// settingFlags are the flags of a network and of a training alone.
func settingFlags(net *child.NetConfig, train *child.TrainConfig) *pflag.FlagSet {
	fs := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	netFlags(fs, net)
	trainFlags(fs, train)
	return fs
}

// addSettingFlags adds those that are not there yet, without a default: what is not given is as in the search, or as a preset has it.
func addSettingFlags(fs *pflag.FlagSet) {
	settingFlags(new(child.NetConfig), new(child.TrainConfig)).VisitAll(func(x *pflag.Flag) {
		if fs.Lookup(x.Name) != nil {
			return
		}
		switch x.Value.Type() {
		case "string":
			x.DefValue = ""
		case "bool":
			x.DefValue = "false"
		default:
			x.DefValue = "0"
		}
		fs.AddFlag(x)
	})
}

// retrains are the trainings that ctl retrain asks for: of each cell with each seed.
func (a *app) retrains(ctx context.Context, dir string, fs *pflag.FlagSet, f *ctlFlags, cells []string) (all []nas.Command, err error) {
	if f.seeds < 1 || f.seeds > 100 {
		return nil, usagef("ctl retrain: --seeds %d; want 1 to 100", f.seeds)
	}
	for _, cell := range cells {
		one := nas.Command{Do: nas.Retrain, Text: f.note}
		if err := a.which(&one, cell); err != nil {
			return nil, err
		}
		if one.Retrain, err = a.retrainSpec(ctx, dir, fs, f, one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	for i := range f.seeds - 1 { // seed by seed, so that all cells can be compared early
		for _, one := range all[:len(cells)] {
			spec := *one.Retrain
			spec.Seed += uint64(1 + i)
			one.Retrain = &spec
			all = append(all, one)
		}
	}
	return all, nil
}

// retrainSpec is the settings of the search, or of a preset, with what the flags change.
func (a *app) retrainSpec(ctx context.Context, dir string, fs *pflag.FlagSet, f *ctlFlags, of nas.Command) (*nas.RetrainSpec, error) {
	if f.test && (fs.Changed("train-images") || fs.Changed("val-images")) {
		return nil, usagef("ctl retrain: --test trains on all training images; want it without --train-images and --val-images")
	}
	own, _, err := nas.ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	c := own
	if err := f.apply(fs, &c); err != nil {
		return nil, err
	}
	if c.Data != own.Data {
		c.DataDir = ""
	}
	r := &nas.RetrainSpec{Net: own.Net, Train: own.Train, Seed: c.Seed,
		Data: nas.DataSpec{Name: c.Data, Dir: c.DataDir, Image: c.Net.Image, TrainImages: c.TrainImages, ValImages: c.ValImages, Test: f.test, Seed: own.Seed}}
	var recipe child.Recipe
	if f.preset != "" {
		if recipe, err = child.RecipeNamed(f.preset); err != nil {
			return nil, usageError{err}
		}
		useRecipe(r, recipe, fs)
	}
	if r.Data.Test {
		r.Data.TrainImages = 0
	}
	if err := changeSettings(r, fs); err != nil {
		return nil, usageError{err}
	}
	if recipe.Within > 0 && !fs.Changed("epochs") {
		if err := a.fit(ctx, dir, of, r, recipe); err != nil {
			return nil, err
		}
	}
	if err := r.Net.Validate(); err != nil {
		return nil, usageError{err}
	}
	if err := r.Train.Validate(); err != nil {
		return nil, usageError{err}
	}
	return r, nil
}

// useRecipe puts the settings of a preset into a retrain: it trains on all images and is judged on the test images, if no flag says otherwise.
func useRecipe(r *nas.RetrainSpec, recipe child.Recipe, fs *pflag.FlagSet) {
	if recipe.Net.Image > 0 && !fs.Changed("image") {
		r.Data.Image = recipe.Net.Image
	}
	net, train := recipe.For(r.Data.Image, slices.Contains(handedData(), r.Data.Name))
	net.Channels, net.Classes = r.Net.Channels, r.Net.Classes
	r.Net, r.Train = net.WithDefaults(), train.WithDefaults()
	r.Data.Test = !fs.Changed("train-images") && !fs.Changed("val-images")
}

// changeSettings puts what flags give into the network and the training of a retrain.
func changeSettings(r *nas.RetrainSpec, fs *pflag.FlagSet) (err error) {
	if stack := fs.Lookup("stack"); stack.Changed && stack.Value.String() != r.Net.Stack { // with its own defaults
		r.Net = child.NetConfig{Stack: stack.Value.String(), N: r.Net.N, Filters: r.Net.Filters, Channels: r.Net.Channels, Classes: r.Net.Classes, Aux: r.Net.Aux}
	}
	r.Net.Image = r.Data.Image
	net, train := r.Net.WithDefaults(), r.Train
	train.Shards = 0                           // as the batch asks for
	settings := settingFlags(&r.Net, &r.Train) // which begin with the flags' defaults
	r.Net, r.Train = net, train
	fs.Visit(func(x *pflag.Flag) {
		if err == nil && settings.Lookup(x.Name) != nil {
			err = settings.Set(x.Name, x.Value.String())
		}
	})
	if d := &r.Train.DropPath; d.Mode == "none" && d.Prob > 0 && !fs.Changed("drop-path-mode") {
		d.Mode = "linear"
	}
	return err
}

// fit gives a retrain the epochs that fit into the time of its preset, as measured here and now.
func (a *app) fit(ctx context.Context, dir string, of nas.Command, r *nas.RetrainSpec, recipe child.Recipe) error {
	g, err := a.cellOf(dir, of)
	if err != nil {
		return err
	}
	r.Train.Epochs = recipe.MostEpochs // until it is known how many fit
	e, err := estimateOf(ctx, g, *r)
	if err != nil {
		return err
	}
	if r.Train.Epochs = min(recipe.MostEpochs, e.Epochs(recipe.Within)); r.Train.Epochs == 0 {
		return fmt.Errorf("ctl retrain: an epoch takes %s here now, so none fits into %s; --epochs 1 takes as long as it takes", long(e.EpochSeconds), recipe.Name)
	}
	return nil
}

// which puts a cell into a command as a person wrote it: a trial of the run, or what nasnet takes as a cell elsewhere.
func (a *app) which(c *nas.Command, cell string) error {
	if _, trial, ok := cutTrial("run/" + cell); ok {
		c.Parent = &trial // the engine knows its cell
		return nil
	}
	g, err := a.cell(cell)
	if err != nil {
		return err
	}
	c.Cell = &g
	return nil
}

// cellOf is the cell of a command for the run in dir.
func (a *app) cellOf(dir string, c nas.Command) (space.Genotype, error) {
	if c.Cell != nil {
		return *c.Cell, nil
	}
	t, err := findTrial(dir, *c.Parent)
	if err != nil {
		return space.Genotype{}, fmt.Errorf("%s: %w", filepath.Base(dir), err)
	}
	return space.ParseJSON(t.Genotype)
}
