package cli

import (
	"context"
	"strings"

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/experiment"
	"nasnet/nas/setting"
)

// ladder sets the rungs, and returns their data set.
func (f *ladderFlags) ladder(ctx context.Context, cfg nas.Config, l *experiment.Ladder) (
	images *dataset.Data, err error) {
	preset, err := child.PresetNamed(f.settings)
	if err != nil {
		return nil, usageError{err}
	}
	if (f.trainImages == 0) != (f.valImages == 0) {
		return nil,
			usagef("ladder: got --train-images %d --val-images %d; want both, or neither to use the test images",
				f.trainImages, f.valImages)
	}
	spec := nas.DataSpec{Name: cfg.Data, Dir: cfg.DataDir, Image: cfg.Net.Image, TrainImages: f.trainImages,
		ValImages: f.valImages, Test: f.valImages == 0, Seed: cfg.Seed}
	if f.data != "" {
		spec.Name, spec.Dir, spec.Image = f.data, "", 0
	}
	if f.dir != "" {
		spec.Dir = f.dir
	}
	if f.image != 0 {
		spec.Image = f.image
	}
	d, err := seen(ctx, spec)
	if err != nil {
		return nil, err
	}
	for _, text := range f.rungs {
		s := preset.For(known(d))
		s.Net.Image, s.Train.Shards = d.Train.H, 1 // one training per core
		base := s
		if err := setRung(&s, text, preset.Within > 0); err != nil {
			return nil, err
		}
		if err := s.Net.Validate(); err != nil {
			return nil, usageError{err}
		}
		if err := s.Train.Validate(); err != nil {
			return nil, usageError{err}
		}
		l.Rungs = append(l.Rungs, experiment.NewRung(spec, s, base))
	}
	return d, nil
}

// setRung sets the settings of a rung, such as n=2,filters=16,epochs=20. A timed preset, one named after a time, has no
// epochs of its own.
func setRung(s *child.Setup, text string, timed bool) error {
	rows := child.Settings.For(setting.Rung)
	given := map[string]string{}
	for _, part := range strings.Split(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if name == "f" {
			name = "filters"
		}
		if !ok {
			return usagef("ladder: --rung %s: got %q; want a setting and its value, as in "+
				"n=2,filters=16,epochs=20", text, part)
		}
		if _, known := rows.Named(name); !known {
			return usagef("ladder: --rung %s: unknown setting %q; want one of %s", text, name,
				strings.Join(rows.Names(), ", "))
		}
		given[name] = value
	}
	if err := rows.Give(s, given); err != nil {
		return usagef("ladder: --rung %s: %w", text, err)
	}
	if timed && given["epochs"] == "" {
		return usagef("ladder: --rung %s: no epochs, and the preset has none; want epochs=N", text)
	}
	return nil
}
