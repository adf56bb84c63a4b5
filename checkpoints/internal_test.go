package checkpoints

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// These tests reach what the public methods cannot: the limits of a connection, future migrations, a folder that claims
// to be remote.

func TestAFullDiskChangesNothingAndTheStoreContinues(t *testing.T) {
	s, err := Create(t.TempDir(), Run{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	trial := func(id int) Trial {
		return Trial{ID: id, Kind: "sample", Genotype: []byte(`"` + strings.Repeat("g", 3000) + `"`),
			State: "proposed", Parent: -1}
	}
	var pages int
	if err := s.db.QueryRow("PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec(fmt.Sprintf("PRAGMA max_page_count=%d", pages+20)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; n < 1000; n++ {
		if err = s.AddTrials([]Trial{trial(n)}, Event{Kind: "x", Trial: n}); err != nil {
			break
		}
	}
	if !errors.Is(err, ErrDiskFull) || n == 0 {
		t.Fatalf("after %d trials: %v", n, err)
	}
	check := func(want int) {
		t.Helper()
		ts, err := s.Trials()
		ev, err2 := s.Events(0, -1)
		if err != nil || err2 != nil || len(ts) != want || len(ev) != want {
			t.Errorf("%d trials, %d events, %v, %v; want %d", len(ts), len(ev), err, err2, want)
		}
	}
	check(n)
	if _, err := s.db.Exec("PRAGMA max_page_count=1000000"); err != nil { // space again: the same store continues
		t.Fatal(err)
	}
	if err := s.AddTrials([]Trial{trial(n)}, Event{Kind: "x", Trial: n}); err != nil {
		t.Fatal(err)
	}
	check(n + 1)
}

func TestMigrationIsOneStepWithABackup(t *testing.T) {
	// The frame, with steps as a later version may have them. The last schema differs from schema.sql, so the run is
	// not opened afterwards.
	steps := []string{
		"CREATE TABLE extra(a INTEGER) STRICT",
		"CREATE TABLE epoch2(trial INTEGER NOT NULL REFERENCES trial(id), x REAL) STRICT; INSERT INTO epoch2 SELECT " +
			"trial, val_acc FROM epoch; DROP TABLE epoch; ALTER TABLE epoch2 RENAME TO epoch",
	}
	bad := []string{steps[0], "DELETE FROM trial"} // leaves epochs without their trial
	for _, c := range []struct {
		name  string
		steps []string
		ok    bool
	}{{"sound steps", steps, true}, {"a step that breaks a reference", bad, false},
		{"a step that is not SQL", []string{steps[0], "NO"}, false}, {"nothing to do", nil, true}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := Create(dir, Run{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			err = s.AddTrials([]Trial{{ID: 0, Kind: "sample", Genotype: []byte("1"), State: "proposed", Parent: -1}})
			err = errors.Join(err, s.FinishTrial(Trial{ID: 0, Result: Result{HasReward: true}},
				[]Epoch{{Trial: 0, ValAcc: 0.5}}))
			if err != nil {
				t.Fatal(err)
			}
			err = migrate(s.db, dir, schemaVersion, append(slices.Clone(migrations), c.steps...))
			if (err == nil) != c.ok {
				t.Fatalf("error %v", err)
			}
			var version, foreign int
			s.db.QueryRow("PRAGMA user_version").Scan(&version)
			s.db.QueryRow("PRAGMA foreign_keys").Scan(&foreign)
			want := schemaVersion
			if c.ok {
				want += len(c.steps)
			}
			if version != want || foreign != 1 {
				t.Errorf("schema %d, want %d; foreign keys %d", version, want, foreign)
			}
			if c.ok && len(c.steps) > 0 {
				var x float64
				if err := s.db.QueryRow("SELECT x FROM epoch").Scan(&x); err != nil || x != 0.5 {
					t.Errorf("epoch after: %v, %v", x, err)
				}
			} else if ts, err := s.Trials(); err != nil || len(ts) != 1 {
				t.Errorf("trials after: %v, %v", ts, err)
			}
			if len(c.steps) == 0 {
				return
			}
			backup := filepath.Join(dir, fmt.Sprintf("run.db.v%d", schemaVersion))
			if st, err := os.Stat(backup); err != nil || st.Mode().Perm() != 0o600 {
				t.Fatalf("backup: %v, %v", st, err)
			}
			db, _, err := openReader(backup, paramsFixed)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if es, err := readEpochs(db, ""); err != nil || len(es) != 1 {
				t.Errorf("backup has epochs %v, %v", es, err)
			}
		})
	}
}

// An older, made-up schema: no notes, and no column for whoever trained a trial. Its run is opened like any other and
// becomes current.
func TestARunWithAnOlderSchemaIsMigratedWhenItIsOpened(t *testing.T) {
	dir := t.TempDir()
	s, err := Create(dir, Run{Name: "old"})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		s.AddTrials([]Trial{{ID: 0, Kind: "sample", Genotype: []byte("1"), State: "proposed", Parent: -1}}),
		s.FinishTrial(Trial{ID: 0, Result: Result{HasReward: true}}, []Epoch{{Trial: 0, ValAcc: 0.5}}),
		s.AddUpdate(Update{Version: 1, State: []byte("policy")}), s.Close())
	if err != nil {
		t.Fatal(err)
	}
	was, older := migrations, schemaVersion
	defer func() { migrations, schemaVersion = was, 1+len(was) }()
	// From a made-up schema to the next, which is schema.sql: SQLite keeps the text of a table that is rebuilt.
	table := schemaSQL[strings.Index(schemaSQL, "CREATE TABLE event("):]
	table = table[:strings.Index(table, ";")+1]
	migrations = append(slices.Clone(was), "ALTER TABLE event RENAME TO old_event; "+table+
		" INSERT INTO event SELECT id, time_ns, 1, 'info', kind, trial, body FROM old_event; DROP TABLE old_event")
	schemaVersion++
	db, err := openDB(filepath.Join(dir, dbName), paramsWrite("WAL"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`DROP TABLE event;
		CREATE TABLE event(id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, kind TEXT NOT NULL, trial INTEGER, ` +
		`body TEXT) STRICT;
		INSERT INTO event VALUES(1, 5, 'told', 0, '{}')`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, dbName))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", t.TempDir())
	if s, err = OpenReadOnly(dir); err != nil { // from a copy
		t.Fatal(err)
	}
	if es, err := s.Events(0, 1); err != nil || len(es) != 1 || es[0].Kind != "told" || es[0].Level != "info" {
		t.Errorf("events, read-only: %+v, %v", es, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, dbName)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("looking at it changed it: %v", err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	for range 2 {
		if s, err = Open(dir); err != nil {
			t.Fatal(err)
		}
		es, err := s.Events(0, 1)
		if err != nil || len(es) != 1 || es[0].Kind != "told" || es[0].Level != "info" || es[0].Time.UnixNano() != 5 {
			t.Errorf("events: %+v, %v", es, err)
		}
		if u, err := s.UpdateAt(1); err != nil || string(u.State) != "policy" {
			t.Errorf("update: %+v, %v", u, err)
		}
		if err := errors.Join(s.SetNote(0, "goes on"), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if s, err = OpenReadOnly(dir); err != nil {
		t.Fatal(err)
	}
	s.Close()
	// The program that made the backup can use it as run.db.
	migrations, schemaVersion = was, older
	if _, err := Open(dir); !errors.Is(err, ErrNewer) ||
		!strings.Contains(err.Error(), fmt.Sprintf("it has schema %d, this program knows %d", older+1, older)) {
		t.Errorf("the older program with the migrated run: %v", err)
	}
	old, err := openDB(filepath.Join(dir, fmt.Sprintf("%s.v%d", dbName, older)), paramsFixed)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	var kind string
	if err := old.QueryRow("SELECT kind FROM event").Scan(&kind); err != nil || kind != "told" {
		t.Errorf("backup: %q, %v", kind, err)
	}
}

// testdata/schema-N.sql is schema.sql as it was in version N.
func TestRunsOfEveryFormerSchemaAreReadAndContinue(t *testing.T) {
	for version := 1; version < schemaVersion; version++ {
		t.Run(fmt.Sprint("schema ", version), func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("schema-%d.sql", version)))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			db, err := openDB(filepath.Join(dir, dbName), paramsBuild)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range []string{string(text),
				fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d", applicationID, version),
				`INSERT INTO run(id, uuid, name, state, seed, target, dataset_sha256, ` +
					`incarnation, created_ns, updated_ns) VALUES(1, 'u', 'old', 'stopped', 7, 20, '', 1, 2, 3)`,
				`INSERT INTO trial(id, batch, policy_version, kind, genotype, cell_hash, ` +
					`state, reward, params, madds, seconds) VALUES(0, 0, 0, 'sample', '1', 'abcdef', 'done', 0.75, ` +
					`5, 6, 1.5)`,
				`INSERT INTO epoch VALUES(0, 0, 1, 0.1, 1, 1, 0.5, 1, 0.75, 1.5, 100)`} {
				if _, err := db.Exec(q); err != nil {
					t.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
			t.Run("a summary takes no copy", func(t *testing.T) {
				changed := t.TempDir()
				t.Setenv("TMPDIR", filepath.Join(dir, "none"))
				if _, err := OpenReadOnly(dir); err == nil {
					t.Fatal("a copy was made although it has no folder")
				}
				if s := Summary(dir); s.Err != nil || s.Run.Name != "old" || s.Done != 1 || s.Best != 0.75 ||
					s.Status != "stopped" {
					t.Errorf("%+v", s)
				}
				if err := copyFile(filepath.Join(changed, dbName), filepath.Join(dir, dbName)); err != nil {
					t.Fatal(err)
				}
				db, err := openDB(filepath.Join(changed, dbName), paramsBuild)
				if err != nil {
					t.Fatal(err)
				}
				defer db.Close()
				if _, err := db.Exec("DROP VIEW leaderboard; ALTER TABLE trial RENAME TO other; CREATE VIEW trial AS " +
					"SELECT * FROM other"); err != nil {
					t.Fatal(err)
				}
				if s := Summary(changed); !errors.Is(s.Err, ErrForeign) {
					t.Errorf("a view instead of the trials: %+v", s)
				}
			})
			look := func(s *Store, how string) {
				t.Helper()
				x, err := s.Trial(0)
				if err != nil || x.Reward != 0.75 || x.MAdds != 6 || x.Seconds != 1.5 || x.Latency != 0 {
					t.Errorf("%s: %+v, %v", how, x, err)
				}
				if es, err := s.Epochs(0); err != nil || len(es) != 1 || es[0].ValAcc != 0.75 {
					t.Errorf("%s: epochs %+v, %v", how, es, err)
				}
			}
			for _, how := range []string{"read-only, older", "for writing", "read-only, migrated"} {
				open := OpenReadOnly
				if how == "for writing" {
					open = Open
				}
				s, err := open(dir)
				if err != nil {
					t.Fatalf("%s: %v", how, err)
				}
				look(s, how)
				if how == "for writing" {
					if err := s.AddTrials([]Trial{
						{ID: 1, Kind: "sample", Genotype: []byte("1"), State: "done", Parent: -1,
							Result: Result{HasReward: true, Latency: 2.5}}}); err != nil {
						t.Error(err)
					}
				}
				if x, err := s.Trial(1); how == "read-only, migrated" && (err != nil || x.Latency != 2.5) {
					t.Errorf("%s: %+v, %v", how, x, err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestNoWALOnANetworkFileSystem(t *testing.T) {
	local := networkFS
	defer func() { networkFS = local }()
	networkFS = func(string) bool { return true }
	dir := t.TempDir()
	s, err := Create(dir, Run{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddEvent(Event{Kind: "x", Trial: -1}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "run.db-wal")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("WAL: %v", err)
	}
	r, err := OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := r.LastEventID(); err != nil || id != 1 {
		t.Errorf("reader: %v, %v", id, err)
	}
	r.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	networkFS = local // moved to a local disk
	if s, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := os.Stat(filepath.Join(dir, "run.db-wal")); err != nil {
		t.Errorf("no WAL on a local disk: %v", err)
	}
}

// A run whose database has a rollback journal, as left by a writer that was killed during a change on a network file
// system.
func TestAnInterruptedChangeWithoutWALIsUndone(t *testing.T) {
	was := networkFS
	defer func() { networkFS = was }()
	networkFS = func(string) bool { return true }
	s, err := Create(t.TempDir(), Run{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	trial := func(id int) Trial {
		return Trial{ID: id, Kind: "sample", Genotype: []byte(`"` + strings.Repeat("g", 3000) + `"`),
			State: "proposed", Parent: -1}
	}
	var ts []Trial
	for id := range 100 {
		ts = append(ts, trial(id))
	}
	if err := s.AddTrials(ts); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec("PRAGMA cache_size=2"); err != nil { // write pages to the file before the change is complete
		t.Fatal(err)
	}
	cut := t.TempDir()
	err = s.change(nil, func(tx *sql.Tx) error {
		if _, err := tx.Exec("UPDATE trial SET note = 'half of it'"); err != nil {
			return err
		}
		for _, name := range []string{dbName, dbName + "-journal"} { // what a kill at this instant leaves
			if err := copyFile(filepath.Join(cut, name), filepath.Join(s.dir, name)); err != nil {
				return err
			}
		}
		return errors.New("cut off")
	})
	if err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(cut, dbName)); err != nil || !strings.Contains(string(b), "half of it") {
		t.Fatalf("there is nothing to undo: %v", err)
	}
	check := func(s *Store) {
		t.Helper()
		ts, err := s.Trials()
		if err != nil || len(ts) != 100 {
			t.Fatalf("%d trials, %v", len(ts), err)
		}
		for _, x := range ts {
			if strings.Contains(x.Note, "half") {
				t.Fatalf("trial %d has half a change", x.ID)
			}
		}
	}
	r, err := OpenReadOnly(cut)
	if err != nil {
		t.Fatal(err)
	}
	check(r)
	r.Close()
	for _, network := range []bool{true, false} {
		networkFS = func(string) bool { return network }
		w, err := Open(cut)
		if err != nil {
			t.Fatal(err)
		}
		check(w)
		if err := w.SetNote(0, "goes on"); err != nil {
			t.Error(err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpeningANewRunLeavesItsHeader(t *testing.T) {
	s, err := Create(t.TempDir(), Run{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fork := filepath.Join(t.TempDir(), "fork")
	if err := s.Fork(fork, Run{}, -1); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{s.dir, fork} {
		b, err := os.ReadFile(filepath.Join(dir, dbName))
		if err != nil {
			t.Fatal(err)
		}
		// The versions for writing and reading: 2 is WAL. A run is created and then opened in one call, so only the
		// fork shows it before any opening.
		if b[18] != 2 || b[19] != 2 {
			t.Errorf("%s: versions %d and %d; want 2, which is WAL", dir, b[18], b[19])
		}
	}
}
