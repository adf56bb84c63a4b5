package search

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// A run may be resumed from another working directory.
func TestARetrainStoresTheAbsolutePathOfItsFolder(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "pics"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	s := create(t, filepath.Join(root, "run"), testConfig(),
		Options{Workers: 1, Evaluator: stepper{make(chan struct{})}, Every: time.Millisecond})
	until, do := live(t, s)
	known, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{"./pics": filepath.Join(root, "pics"), "cifar10": "cifar10",
		"./no": "./no"} {
		spec := nas.RetrainSpec{Data: nas.DataSpec{Name: given, Image: 8, Test: true},
			Setup: child.Setup{Net: s.owner.run.Config.Net, Train: s.owner.run.Config.Train}}
		r, err := do(nas.Command{Do: nas.Retrain, Cell: &known.Genotype, Retrain: &spec})
		if err != nil {
			t.Fatal(err)
		}
		until(given+" is listed", func(v *nas.Snapshot) bool {
			return len(v.Retrains) > 0 &&
				v.Retrains[0].ID == r.Trial
		})
		if got := s.Snapshot().Retrains[0].Retrain.Data.Name; got != want {
			t.Errorf("%s is kept as %s, want %s", given, got, want)
		}
	}
}
