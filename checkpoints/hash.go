package checkpoints

import (
	"bufio"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"math"
)

// StateHash returns the SHA-256, in hex, of the state of a search: seed, data, every trial with its proposal, end and
// reward, and every policy version with its state and the rewards that made it, in order. Two searches that took the
// same decisions have the same hash, whatever the number of workers, interruptions and attempts. It leaves aside names,
// settings, times, machines, epochs, weights, notes, stars and the difference between waiting and running.
func (s *Store) StateHash() (string, error) {
	h := sha256.New()
	w := stateWriter{bufio.NewWriter(h)}
	if err := s.read(w.write); err != nil {
		return "", err
	}
	w.Flush() // a hash never fails
	return hex.EncodeToString(h.Sum(nil)), nil
}

// stateWriter writes the state so that different states give different bytes: numbers as 8 bytes, floats by their bits,
// texts and lists after their length.
type stateWriter struct{ *bufio.Writer }

func (w stateWriter) write(db *sql.DB) error {
	r, err := readRun(db)
	if err != nil {
		return err
	}
	w.text("nasnet state 1")
	w.ints(int(r.Seed))
	w.text(r.DatasetSHA256)

	ts, err := readTrials(db, "")
	if err != nil {
		return err
	}
	w.ints(len(ts))
	for i := range ts {
		t := &ts[i]
		state := t.State
		if t.Open() {
			state = "open"
		}
		w.ints(t.ID, t.Batch, t.PolicyVersion, t.Parent, int(t.Params), int(t.MAdds))
		w.text(t.Kind, string(t.Genotype), t.CellHash, state, t.FailKind, string(t.Spec))
		if t.HasReward {
			w.text("reward")
			w.floats(t.Reward)
		} else {
			w.text("none")
		}
		w.ints(len(t.Choices))
		w.ints(t.Choices...)
		w.ints(len(t.LogP))
		w.floats(t.LogP...)
	}

	us, err := readUpdates(db, "")
	if err != nil {
		return err
	}
	w.ints(len(us))
	for _, u := range us {
		w.ints(u.Version, u.Batch, len(u.Samples))
		w.text(u.StateSHA256)
		w.floats(u.Baseline)
		for _, x := range u.Samples {
			w.ints(x.Trial)
			w.floats(x.Reward)
		}
	}
	return nil
}

func (w stateWriter) ints(vs ...int) {
	for _, v := range vs {
		w.Write(binary.LittleEndian.AppendUint64(w.AvailableBuffer(), uint64(v)))
	}
}

func (w stateWriter) floats(vs ...float64) {
	for _, v := range vs {
		w.Write(binary.LittleEndian.AppendUint64(w.AvailableBuffer(), math.Float64bits(v)))
	}
}

func (w stateWriter) text(ss ...string) {
	for _, s := range ss {
		w.ints(len(s))
		w.WriteString(s)
	}
}
