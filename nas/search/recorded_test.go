package search_test

import (
	"archive/zip"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/cpu"

	"nasnet/nas/audit"
	"nasnet/nas/fake"
	"nasnet/nas/kernel"
	"nasnet/nas/local"
	"nasnet/nas/record"
	"nasnet/nas/search"
)

// The build of 2026-11-28 started the runs in testdata/recorded and stopped them about half-way. It computed the
// hashes: of each run as it is here, and of a copy that it resumed to the end. Those of ppo, which trains nothing, hold
// for all kernels, those of trained for the portable kernels; both depend on how the machine rounds, see sameFloats. On
// other machines, the runs must open and end, and their stored state must have its hash.
//
// The runs were made as follows. No flag sets a controller's size, but in a fork at version 0, which has no proposals
// yet, it can still be changed.
//
//	export NASNET_KERNELS=generic; N="nasnet --store runs"
//
//	$N search --fake --name seed --headless --blocks 3 --children 24 --update-every 4 --shadow 5 --lag 1 \
//	  --workers 2 --seed 11 &
//	sleep 0.6; $N ctl seed stop --wait; wait; $N fork seed --at 0 --name ppo; rm -r runs/seed
//	sqlite3 runs/ppo/run.db "UPDATE run SET config = json_set(config, \
//	  '$.controller.hidden', 6, '$.controller.embedding', 4)"
//	$N resume ppo --headless &
//	(12 children later) $N ctl ppo star 3; $N ctl ppo note 3 "a star and a note"; $N ctl ppo stop --wait
//
//	$N search --name base --headless --data synthetic --ops paper-13 --blocks 2 --strategy evolution --children 28 \
//	  --update-every 4 --shadow 5 --lag 1 --workers 1 --seed 3 --n 1 --filters 4 --image 8 --epochs 2 \
//	  --train-images 200 --val-images 100 --cost madds --cost-target 100k --repeats retrain --failures zero &
//	sleep 0.5; $N ctl base stop --wait; wait; $N fork base --at 0 --name first; rm -r runs/base
//	sqlite3 runs/first/run.db "UPDATE run SET config = json_set(config, \
//	  '$.controller.population', 6, '$.controller.sample', 3)"
//	$N resume first --headless &
//	(5 children later) $N ctl first submit 1 --note "by hand"; (10) $N ctl first stop --wait
//	$N fork first --name trained --seed 5; rm -r runs/first
//	$N resume trained --headless &
//	(12) $N ctl trained retrain 2 --epochs 1 --filters 4 --seed 9; $N ctl trained star 1
//	(15) $N ctl trained pause; $N ctl trained submit 4; $N ctl trained stop-trial 14; $N ctl trained stop --wait
//
//	for r in ppo trained; do
//	  sqlite3 runs/$r/run.db "PRAGMA wal_checkpoint(TRUNCATE)"
//	  (cd runs/$r && zip -X -9 -r -D ../../$r.zip run.db blobs)
//	  $N verify $r --json; unzip $r.zip -d on/$r
//	  nasnet --store on resume $r --headless; nasnet --store on verify $r --json
//	done
var recorded = []struct {
	name         string
	begun, ended string // state hashes
	trials       int    // at the end, including those made by hand
}{
	{"ppo", "8d75a15907f9459b64a63d7cb3d8576b447c0772f6a9602522a0543b8e97595c",
		"fe215411fb89b8b22a727a34ea194f5d7364905873ef649d692132e9822bb4f5", 24},
	{"trained", "6f77d9fe36a51e5bbd68e1ad13e2440ace95b35ba1d60752cbdaa4e13aef86da",
		"2c1effee391381ab6e10ae2942446d5a9b505ebcc46b0e7f155a269f1651acf3", 31},
}

func TestRecordedRunsOpenVerifyAndEndAsBefore(t *testing.T) {
	arch := kernel.Arch()
	if err := kernel.Configure("generic"); err != nil { // this test is not parallel, so no other test computes now
		t.Fatal(err)
	}
	t.Cleanup(func() { kernel.Configure(arch) })
	for _, r := range recorded {
		t.Run(r.name, func(t *testing.T) {
			dir := unzip(t, filepath.Join("testdata", "recorded", r.name+".zip"), r.name)
			if v := verify(t, dir); v.StateHash != r.begun {
				t.Errorf("as it was stored it has the state hash %s; want %s", v.StateHash, r.begun)
			}

			c, hash, err := record.ReadConfig(dir)
			if err != nil {
				t.Fatal(err)
			}
			o := search.Options{Kernels: kernel.Arch(), Evaluator: fake.Evaluator{Steps: 20}}
			if c.Preset != "fake" {
				l := local.New(nil)
				d, err := l.Prepare(t.Context(), &c)
				if err != nil || d.SHA256 != hash {
					t.Fatalf("data set %s: %v, sha256 %s; want %s", c.Data, err, d.SHA256, hash)
				}
				o.Evaluator = l
			}
			s, err := search.Open(dir, o)
			if err != nil {
				t.Fatal(err)
			}
			err = s.Run(t.Context())
			s.Close()
			if err != nil {
				t.Fatal(err)
			}
			if v := verify(t, dir); v.Trials != r.trials || v.StateHash != r.ended && sameFloats() {
				t.Errorf("it ended with %d trials and the state hash %s; want %d and %s", v.Trials, v.StateHash,
					r.trials, r.ended)
			}
		})
	}
}

// unzip extracts the run in an archive into a folder with the given name.
func unzip(t *testing.T, archive, name string) (dir string) {
	t.Helper()
	z, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	dir = filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, z); err != nil {
		t.Fatal(err)
	}
	return dir
}

// verify repeats the decisions of a run.
func verify(t *testing.T, dir string) audit.Report {
	t.Helper()
	r, err := audit.Verify(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if !r.OK && sameFloats() {
		t.Errorf("problems: %q", r.Problems)
	}
	return r
}

// sameFloats reports whether Go and gonum compute floats as they did when the runs were recorded: on amd64 with
// assembly, which -tags noasm excludes; with FMA, which math.Exp uses if the machine has it; and below GOAMD64=v3, from
// which the compiler fuses x*y + z.
func sameFloats() bool {
	x, y, z := 1+tiny, 1-tiny, -1.0
	return runtime.GOARCH == "amd64" && len(kernel.Available()) > 1 && cpu.X86.HasFMA && x*y+z == 0
}

// tiny is a variable, because the compiler evaluates constants exactly. Added to 1, its square is lost to rounding.
var tiny = 1.0 / (1 << 30)
