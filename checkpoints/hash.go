package checkpoints

import (
	"bufio"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"math"
)

// StateHash is the SHA-256, in hex, of what a search has come to: seed, data, every trial with its proposal, end and reward, and every policy version with
// its state and the rewards that made it, in order. Two searches that took the same decisions have the same hash, whatever the number of workers,
// interruptions and attempts. Not in it: names, settings, times, machines, epochs, weights, notes, stars and the difference between waiting and running.
func (s *Store) StateHash() (string, error) {
	h := sha256.New()
	w := bufio.NewWriter(h)
	err := s.read(func(db *sql.DB) error { return writeState(w, db) })
	if err != nil {
		return "", err
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// writeState writes the state as text. Strings are quoted and floats are their bits, so no two states give the same text.
func writeState(w io.Writer, db *sql.DB) error {
	r, err := readRun(db)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "nasnet state 1\nrun %d %q\n", r.Seed, r.DatasetSHA256)
	ts, err := readTrials(db, "")
	if err != nil {
		return err
	}
	for i := range ts {
		t := &ts[i]
		state := t.State
		if t.Open() {
			state = "open"
		}
		fmt.Fprintf(w, "trial %d %d %d %s %q %q %d %s %t %x %q %d %d %d %q\n", t.ID, t.Batch, t.PolicyVersion, t.Kind, t.Genotype, t.CellHash, t.Choices, state,
			t.HasReward, math.Float64bits(t.Reward), t.FailKind, t.Params, t.MAdds, t.Parent, t.Spec)
		for _, p := range t.LogP {
			fmt.Fprintf(w, "%x ", math.Float64bits(p))
		}
		fmt.Fprintln(w)
	}
	us, err := readUpdates(db, "")
	if err != nil {
		return err
	}
	for _, u := range us {
		fmt.Fprintf(w, "policy %d %d %s %x\n", u.Version, u.Batch, u.StateSHA256, math.Float64bits(u.Baseline))
		for _, x := range u.Samples {
			fmt.Fprintf(w, "sample %d %x\n", x.Trial, math.Float64bits(x.Reward))
		}
	}
	return nil
}
