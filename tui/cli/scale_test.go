package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/child"
)

// A retrain on unread images has no complete network until flags add what is missing.
func TestTheNetworkOfATrialIsItsOwnOrAsked(t *testing.T) {
	for _, r := range []struct {
		spec        nas.RetrainSpec
		flags       string
		want, error string
	}{
		{spec: nas.RetrainSpec{Setup: child.Setup{Net: child.NetConfig{N: 3, Filters: 4, Image: 20}},
			Data: nas.DataSpec{Name: "cifar100", Image: 20}}, want: "N=3 F=4, images 20x20x3, 100 classes"},
		{spec: nas.RetrainSpec{Setup: child.Setup{Net: child.NetConfig{N: 3, Filters: 4}},
			Data: nas.DataSpec{Name: "fashion-mnist"}}, want: "N=3 F=4, images 28x28x1, 10 classes"},
		{spec: nas.RetrainSpec{Setup: child.Setup{Net: child.NetConfig{N: 3, Filters: 4, Image: 20}},
			Data: nas.DataSpec{Name: "./shoes", Image: 20}},
			error: "of retrain h2 of run r has no channels until its images are read; want --channels"},
		{spec: nas.RetrainSpec{Setup: child.Setup{Net: child.NetConfig{N: 3, Filters: 4}},
			Data: nas.DataSpec{Name: "./shoes"}}, flags: "--channels 1 --classes 7", error: "has no image until"},
		{spec: nas.RetrainSpec{Setup: child.Setup{Net: child.NetConfig{N: 3, Filters: 4, Image: 20}},
			Data: nas.DataSpec{Name: "./shoes", Image: 20}}, flags: "--channels 1 --classes 7 --n 1",
			want: "N=1 F=4, images 20x20x1, 7 classes"},
		{spec: nas.RetrainSpec{Setup: child.Setup{Net: child.NetConfig{N: 3, Filters: 4, Image: 20, StemMultiplier: 5}},
			Data: nas.DataSpec{Name: "cifar10", Image: 20}}, flags: "--stack imagenet",
			want: "stack imagenet, N=3 F=4, images 20x20x3, 10 classes, stem multiplier 1"},
		{spec: nas.RetrainSpec{Setup: child.Setup{Net: child.NetConfig{N: 3, Filters: 4, Image: 20, StemMultiplier: 5}},
			Data: nas.DataSpec{Name: "cifar10", Image: 20}}, flags: "--stack cifar", want: "stem multiplier 5"},
	} {
		spec, err := json.Marshal(r.spec)
		if err != nil {
			t.Fatal(err)
		}
		trial := checkpoints.Trial{ID: nas.FirstManual + 1, Spec: spec}
		fs := pflag.NewFlagSet("stats", pflag.ContinueOnError)
		networkFlags(fs)
		if err := fs.Parse(strings.Fields(r.flags)); err != nil {
			t.Fatal(err)
		}
		net, _, err := changeNet(fs, func() (child.NetConfig, string, error) {
			return trialNet(&app{}, "r/h2", "runs/r", trial)
		})
		if r.error != "" {
			if err == nil || !strings.Contains(err.Error(), r.error) {
				t.Errorf("%+v %s: error %v; want %q", r.spec, r.flags, err, r.error)
			}
			continue
		}
		if got := scaleText(net.WithDefaults()); err != nil || !strings.Contains(got, r.want) {
			t.Errorf("%+v %s: %s, error %v; want %s", r.spec, r.flags, got, err, r.want)
		}
	}
}
