package search

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/child"
)

// harmless are columns of which no screen, verdict or resume reads more than a time, or nothing at all.
var harmless = map[string]bool{
	"run.created_ns": true, "run.updated_ns": true, "run.elapsed_ns": true, "run.incarnation": true, "run.state": true,
	"run.name": true, "run.uuid": true, "run.build": true, "trial.started_ns": true, "trial.finished_ns": true,
	"trial.worker": true,
	"trial.star":   true, "trial.note": true, "trial.attempt": true, "policy.applied_ns": true, "blob.created_ns": true,
	"blob.kind": true, "run.id": true, "event.incarnation": true, "trial.checkpoint_epoch": true,
}

// Each stored value that decides something is told by something else as well: a change of one is found. The long loop:
// NASNET_MUTATIONS=500 go test ./nas/search -run EveryChange -v
func TestEveryChangeOfAStoredValueIsFound(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	c := testConfig()
	c.RandomEvery = 3
	s := create(t, dir, c, Options{Workers: 1})
	spec := nas.RetrainSpec{Data: nas.DataSpec{Name: "none", Image: 8, ValImages: 5},
		Setup: child.Setup{Net: c.Net, Train: c.Train}, Seed: 3}
	asked := make(chan error, 1)
	go func() {
		g, err := c.Space()
		if err != nil {
			asked <- err
			return
		}
		cell, err := g.Decode(g.Random(rand.New(rand.NewPCG(1, 2))))
		if err != nil {
			asked <- err
			return
		}
		_, err = s.Do(t.Context(), nas.Command{Do: nas.Retrain, Cell: &cell, Retrain: &spec})
		asked <- err
	}()
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-asked; err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := audit.Verify(t.Context(), dir); err != nil || !r.OK {
		t.Fatalf("before any change: %v, %v", r.Problems, err)
	}
	rounds := 80
	if testing.Short() {
		rounds = 20
	}
	if n, err := strconv.Atoi(os.Getenv("NASNET_MUTATIONS")); err == nil {
		rounds = n
	}
	type column struct{ table, name, kind string }
	var columns []column
	db := openSQL(t, dir)
	for _, table := range []string{"run", "trial", "epoch", "policy", "policy_sample", "blob", "event"} {
		rows, err := db.Query("SELECT name, type FROM pragma_table_info(?)", table)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			k := column{table: table}
			if err := rows.Scan(&k.name, &k.kind); err != nil {
				t.Fatal(err)
			}
			if !harmless[table+"."+k.name] {
				columns = append(columns, k)
			}
		}
		rows.Close()
	}
	for _, table := range []string{"trial", "epoch", "policy", "policy_sample", "blob", "event"} {
		columns = append(columns, column{table, "a row", ""})
	}
	db.Close()
	r := rand.New(rand.NewPCG(5, 6))
	changed, silent := 0, map[string]int{}
	for n := range rounds {
		k := columns[n%len(columns)]
		to := filepath.Join(t.TempDir(), "run")
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		db := openSQL(t, to)
		change := map[string]string{"INTEGER": k.name + " + 1", "REAL": k.name + " * 1.0000001 + 1e-9",
			"TEXT": fmt.Sprintf("substr(%[1]s, 1, length(%[1]s) / 2) || char(unicode(substr(%[1]s, length(%[1]s) / 2 "+
				"+ 1, 1)) "+
				"+ 1) || substr(%[1]s, length(%[1]s) / 2 + 2)", k.name),
			"BLOB": fmt.Sprintf("zeroblob(length(%s))", k.name)}[k.kind]
		key := map[string]string{"blob": "sha256", "epoch": "trial * 1000 + epoch", "policy_sample": "trial",
			"policy": "version"}[k.table]
		if key == "" {
			key = "id"
		}
		q := fmt.Sprintf("UPDATE %[1]s SET %[2]s = %[3]s WHERE %[4]s = (SELECT %[4]s FROM %[1]s WHERE %[2]s IS NOT "+
			"NULL "+
			"AND (typeof(%[2]s) <> 'text' OR length(%[2]s) > 1) ORDER BY %[4]s LIMIT 1 OFFSET abs(%[5]d) %% max(1, "+
			"(SELECT "+
			"count(*) FROM %[1]s WHERE %[2]s IS NOT NULL AND (typeof(%[2]s) <> 'text' OR length(%[2]s) > 1))))",
			k.table, k.name, change, key, r.IntN(1000))
		if k.kind == "" {
			q = fmt.Sprintf("DELETE FROM %[1]s WHERE %[2]s = (SELECT %[2]s FROM %[1]s ORDER BY %[2]s LIMIT 1 OFFSET "+
				"abs(%[3]d) %% (SELECT count(*) FROM %[1]s))", k.table, key, r.IntN(1000))
		}
		var rows int64
		for _, q := range []string{"PRAGMA ignore_check_constraints = 1", "PRAGMA foreign_keys = 0", q} {
			res, err := db.Exec(q)
			if err != nil {
				rows = 0 // a unique index or a type keeps it out
				break
			}
			rows, _ = res.RowsAffected()
		}
		db.Close()
		if rows == 0 {
			continue
		}
		changed++
		if rep, err := audit.Verify(t.Context(), to); err == nil && rep.OK {
			silent[k.table+"."+k.name]++
		}
	}
	t.Logf("%d of %d changes were made, silent: %v", changed, rounds, silent)
	if changed < rounds/2 {
		t.Errorf("only %d of %d changes were made", changed, rounds)
	}
	if len(silent) > 0 {
		t.Errorf("not found: %v", silent)
	}
}
