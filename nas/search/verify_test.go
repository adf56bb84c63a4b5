package search

import (
	"database/sql"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/fake"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVerifyRepeatsAnIntactRunAndNamesWhatIsWrongInADamagedOne(t *testing.T) {
	for _, damage := range []struct{ name, sql, want string }{
		{"nothing", "", ""},
		{"a reward", "UPDATE trial SET reward = 0.123 WHERE id = 5", "update 2: used reward"},
		{"a choice", "UPDATE trial SET choices = replace(choices, '1', '0') WHERE id = 2",
			"trial 2: policy version 0 does not draw"},
		{"a reward only in the update", "UPDATE policy_sample SET reward = 0.9 WHERE trial = 9",
			"update 3: its rewards do not turn policy 2 into"},
		{"a cell's hash", "UPDATE trial SET cell_hash = replace(cell_hash, 'a', 'b') WHERE id = 3",
			"trial 3: its cell has hash"},
	} {
		if testing.Short() && damage.sql != "" {
			continue
		}
		c := testConfig()
		c.Lag = 1
		dir := filepath.Join(t.TempDir(), "run")
		finish(t, create(t, dir, c, Options{Workers: 1}))
		if damage.sql != "" {
			db, err := sql.Open("sqlite", filepath.Join(dir, "run.db"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(damage.sql); err != nil {
				t.Fatalf("%s: %v", damage.name, err)
			}
			db.Close()
		}
		r, err := audit.Verify(t.Context(), dir)
		if err != nil {
			t.Fatalf("%s: %v", damage.name, err)
		}
		found := strings.Join(r.Problems, "\n")
		if r.OK != (damage.want == "") || !strings.Contains(found, damage.want) {
			t.Errorf("%s: ok %v, problems %q; want %q", damage.name, r.OK, found, damage.want)
		}
		if damage.want == "" && (r.Proposals != 12 || r.Updates != 3) {
			t.Errorf("%d proposals and %d updates repeated; want 12 and 3", r.Proposals, r.Updates)
		}
	}
}

func TestVerifyFindsADamagedBlob(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	finish(t, create(t, dir, testConfig(), Options{Workers: 1}))
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "*", "*"))
	if err != nil || len(blobs) == 0 {
		t.Fatalf("%d blobs, %v", len(blobs), err)
	}
	for _, path := range blobs {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := audit.Verify(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.OK || len(r.Problems) < 3 {
		t.Errorf("problems: %q", r.Problems)
	}
}

func TestTheProposalsOfAForkAreVerifiedFromItsStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "parent")
	finish(t, create(t, dir, testConfig(), Options{Workers: 1}))
	r, err := ForkRun(dir, 2, "child", func(c *nas.Config, _ *string) error {
		c.Seed, c.Controller.LearningRate = 99, 0.01
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(r.Dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
	if err != nil {
		t.Fatal(err)
	}
	finish(t, f)
	v, err := audit.Verify(t.Context(), r.Dir)
	if err != nil || !v.OK || v.Proposals != 4 || v.Updates != 3 {
		t.Errorf("%+v, %v; want 4 proposals and 3 updates repeated, without problems", v, err)
	}
}
