package tui

import (
	"fmt"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/experiment"
	"nasnet/nas/setting"
)

// retrainSettings returns the settings in the retrain form, besides images, cells and seeds.
func retrainSettings() setting.Table[child.Setup] { return child.Settings.For(setting.Train) }

// retrainFields returns the fields for a training, the most used first.
func retrainFields(spec nas.RetrainSpec, dataSets []string) []field {
	judged := "validation"
	if spec.Data.Test {
		judged = "test"
	}
	presets := []string{ownSettings}
	for _, r := range child.Presets {
		presets = append(presets, r.Name)
	}
	named := func(s string) error {
		if s == "" {
			return fmt.Errorf("want a name or a folder")
		}
		return nil
	}
	side, _ := child.Settings.Named("image")
	count, _ := nas.Settings().Named("train-images")
	images := settingField(count, nas.Config{Images: nas.Images{TrainImages: spec.Data.TrainImages}})
	images.name, images.label, images.hint = "images", "images", "to train on; 0: all of them"
	fields := []field{
		{name: "data", label: "data set", value: spec.Data.Name, choices: dataSets, check: named,
			hint: "a name, or a folder of class folders"},
		{name: "preset", label: "preset", value: ownSettings, choices: presets, hint: "fills in the fields below"},
		{name: "judged", label: "judged on", value: judged, choices: []string{"validation", "test"},
			hint: "test: train on all, judge on test images"},
		images,
		settingField(side, child.Setup{Net: child.NetConfig{Image: spec.Data.Image}}),
	}
	var others []field
	for _, r := range retrainSettings() {
		f := settingField(r, spec.Setup)
		if r.First {
			fields = append(fields, f)
		} else {
			others = append(others, f)
		}
	}
	fields = append(fields,
		field{name: "seed", label: "seed", value: fmt.Sprint(spec.Seed), check: natural},
		field{name: "seeds", label: "seeds", value: "1", check: whole(1, experiment.MostSeeds),
			hint: "trainings per cell, each with its seed"},
		field{name: "other", label: "other cell", check: cellText, hint: "a known name, or a cell as text"},
		field{name: "baselines", label: "baselines", value: "no", choices: noYes,
			hint: "NASNet-A, all-sep3x3, best random"})
	return append(fields, others...)
}
