package checkpoints

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

// AddTrials stores new trials, all or none.
func (s *Store) AddTrials(ts []Trial, events ...Event) error {
	for i := range ts {
		if err := checkTrial(&ts[i]); err != nil {
			return err
		}
	}
	return s.change(events, func(tx *sql.Tx) error {
		st, err := tx.Prepare(insertTrial)
		if err != nil {
			return err
		}
		defer st.Close()
		for i := range ts {
			if _, err := st.Exec(trialValues(&ts[i])...); err != nil {
				return fmt.Errorf("trial %d: %w", ts[i].ID, err)
			}
		}
		return nil
	})
}

// StartTrial stores that an attempt at a trial has begun or continues, now. The attempt may not be earlier than the
// stored one; a later one begins without the previous checkpoint.
func (s *Store) StartTrial(id, attempt int, events ...Event) error {
	return s.releaseCheckpoint(id, events, func(tx *sql.Tx) error {
		r, err := tx.Exec(`UPDATE trial SET state = 'running', attempt = ?2, started_ns = ?3,
			checkpoint_sha256 = CASE WHEN attempt = ?2 THEN checkpoint_sha256 END,
			checkpoint_epoch = CASE WHEN attempt = ?2 THEN checkpoint_epoch ELSE 0 END
			WHERE id = ?1 AND attempt <= ?2 AND `+openTrial,
			id, attempt, time.Now().UnixNano())
		return oneTrial(tx, r, err, id)
	})
}

// FinishTrial stores the end of an attempt, with its epochs. It reads four fields of t. ID and Attempt must be those of
// the running trial. State is failed, stopped or done; empty means done. Result is finished now if it has no time. It
// drops the checkpoint of the half-trained child, but keeps that of a stopped one for [Store.ReopenTrial]. It refuses a
// second result for a trial with ErrConflict.
func (s *Store) FinishTrial(t Trial, epochs []Epoch, events ...Event) error {
	if t.State == "" || t.Open() {
		t.State = "done"
	}
	if t.Finished.IsZero() {
		t.Finished = time.Now()
	}
	if err := checkResult(&t); err != nil {
		return err
	}
	if err := checkEpochs(epochs); err != nil {
		return err
	}
	return s.releaseCheckpoint(t.ID, events, func(tx *sql.Tx) error {
		r, err := tx.Exec(`UPDATE trial SET state = ?3, reward = ?4, fail_kind = ?5, fail_detail = ?6, params = ?7,
			madds = ?8, weights_sha256 = ?9, worker = ?10, started_ns = coalesce(?11, started_ns), finished_ns = ?12,
			seconds = ?13, latency_ms = ?14, checkpoint_sha256 = CASE WHEN ?3 = 'stopped' THEN checkpoint_sha256 END,
			checkpoint_epoch = CASE WHEN ?3 = 'stopped' THEN checkpoint_epoch ELSE 0 END
			WHERE id = ?1 AND attempt = ?2 AND `+openTrial,
			t.ID, t.Attempt, t.State, reward(&t), t.FailKind, t.FailDetail, t.Params, t.MAdds, name(t.WeightsSHA256),
			t.Worker, nanos(t.Started), nanos(t.Finished), t.Seconds, t.Latency)
		if err := oneTrial(tx, r, err, t.ID); err != nil {
			return err
		}
		return upsertEpochs(tx, epochs)
	})
}

// ReopenTrial undoes the end of a stopped trial: the trial is proposed again, in the attempt that was stopped, with its
// checkpoint and the epochs up to there.
func (s *Store) ReopenTrial(id int, events ...Event) error {
	return s.change(events, func(tx *sql.Tx) error {
		r, err := tx.Exec(
			`UPDATE trial SET state = 'proposed', fail_kind = '', fail_detail = '', finished_ns = NULL, seconds = 0
			WHERE id = ? AND state = 'stopped'`, id)
		if err := oneTrial(tx, r, err, id); err != nil {
			return err
		}
		_, err = tx.Exec("DELETE FROM epoch WHERE trial = ?1 AND attempt = (SELECT attempt FROM trial WHERE id = ?1) "+
			"AND epoch > (SELECT checkpoint_epoch FROM trial WHERE id = ?1)", id)
		return err
	})
}

// CheckpointTrial stores the exact state of a half-trained child after a number of whole epochs, with those epochs. It
// replaces the previous state and removes its blob. No other trial may have a state with the same bytes.
func (s *Store) CheckpointTrial(id, attempt, epoch int, state []byte, epochs []Epoch, events ...Event) error {
	if err := checkEpochs(epochs); err != nil {
		return err
	}
	sha, err := s.writeBlobFile(state)
	if err != nil {
		return err
	}
	return s.releaseCheckpoint(id, events, func(tx *sql.Tx) error {
		if err := insertBlob(tx, sha, "child", len(state)); err != nil {
			return err
		}
		r, err := tx.Exec("UPDATE trial SET checkpoint_sha256 = ?3, checkpoint_epoch = ?4 WHERE id = ?1 AND attempt "+
			"= ?2 AND "+openTrial, id, attempt, sha, epoch)
		if err := oneTrial(tx, r, err, id); err != nil {
			return err
		}
		return upsertEpochs(tx, epochs)
	})
}

// releaseCheckpoint carries out a change that may take a trial's checkpoint away, and removes the blob if nothing names
// it any more.
func (s *Store) releaseCheckpoint(id int, events []Event, f func(tx *sql.Tx) error) error {
	released := ""
	err := s.change(events, func(tx *sql.Tx) error {
		var before sql.NullString
		if err := tx.QueryRow("SELECT checkpoint_sha256 FROM trial WHERE id = ?", id).Scan(&before); err != nil &&
			!errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err := f(tx); err != nil || !before.Valid {
			return err
		}
		r, err := tx.Exec("DELETE FROM blob WHERE sha256 = ? AND "+unnamedBlob, before.String)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err
		}
		released = before.String
		return nil
	})
	if err == nil && isHash(released) {
		os.Remove(blobPath(s.dir, released)) // an orphan is left if this fails; the next sweep finds it
	}
	return err
}

// SetStar stars a trial, or removes its star.
func (s *Store) SetStar(id int, star bool, events ...Event) error {
	return s.changeTrial(id, events, func(tx *sql.Tx) (sql.Result, error) {
		return tx.Exec("UPDATE trial SET star = ?2 WHERE id = ?1", id, star)
	})
}

// SetNote stores a line of text with a trial.
func (s *Store) SetNote(id int, note string, events ...Event) error {
	return s.changeTrial(id, events, func(tx *sql.Tx) (sql.Result, error) {
		return tx.Exec("UPDATE trial SET note = ?2 WHERE id = ?1", id, note)
	})
}

// Trials returns all trials by number, or those with the given numbers that exist. [Store.Epochs] reads epochs.
func (s *Store) Trials(ids ...int) (ts []Trial, err error) {
	err = s.read(func(db *sql.DB) error {
		if len(ids) == 0 {
			ts, err = readTrials(db, "")
			return err
		}
		where, list := among("id", ids)
		ts, err = readTrials(db, "WHERE "+where, list)
		return err
	})
	return ts, err
}

// Outlines calls f for each trial by number, without its Genotype and Choices, which are most of its bytes. f must not
// call the store, and may use LogP only until it returns.
func (s *Store) Outlines(f func(t Trial) error) error {
	return s.read(func(db *sql.DB) error {
		var logp []float64
		return scan(db, "SELECT "+outlineColumns+" FROM trial ORDER BY id", nil, func(row *row) error {
			t, err := readOutline(row, logp)
			if err != nil {
				return err
			}
			if t.LogP != nil {
				logp = t.LogP
			}
			return f(t)
		})
	})
}

// Trial returns one trial, or ErrNotFound.
func (s *Store) Trial(id int) (t Trial, err error) {
	err = s.read(func(db *sql.DB) error {
		ts, err := readTrials(db, "WHERE id = ?", id)
		if err != nil {
			return err
		}
		if len(ts) == 0 {
			return fmt.Errorf("trial %d: %w", id, ErrNotFound)
		}
		t = ts[0]
		return nil
	})
	return t, err
}

// Epochs returns the epochs of the given trials, ordered by trial, attempt and epoch.
func (s *Store) Epochs(trials ...int) (es []Epoch, err error) {
	err = s.read(func(db *sql.DB) error {
		where, list := among("trial", trials)
		es, err = readEpochs(db, "WHERE "+where, list)
		return err
	})
	return es, err
}

// AllEpochs returns the epochs of all trials, ordered by trial, attempt and epoch.
func (s *Store) AllEpochs() (es []Epoch, err error) {
	err = s.read(func(db *sql.DB) error { es, err = readEpochs(db, ""); return err })
	return es, err
}

// openTrial is the condition that a trial has not ended, in the words of the index trial_open: SQLite uses the index
// only for the same words.
const openTrial = "state IN('proposed','queued','running','paused')"

// changeTrial carries out a change that must affect exactly one trial.
func (s *Store) changeTrial(id int, events []Event, f func(tx *sql.Tx) (sql.Result, error)) error {
	return s.change(events, func(tx *sql.Tx) error {
		r, err := f(tx)
		return oneTrial(tx, r, err, id)
	})
}

// oneTrial returns an error that explains why a change did not affect exactly one trial.
func oneTrial(tx *sql.Tx, r sql.Result, err error, id int) error {
	if err != nil {
		return fmt.Errorf("trial %d: %w", id, err)
	}
	return oneRow(tx, r, id)
}

func oneRow(tx *sql.Tx, r sql.Result, id int) error {
	if n, err := r.RowsAffected(); err != nil || n == 1 {
		return err
	}
	var state string
	var attempt int
	err := tx.QueryRow("SELECT state, attempt FROM trial WHERE id = ?", id).Scan(&state, &attempt)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("trial %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("trial %d: %w: it is %s in attempt %d", id, ErrConflict, state, attempt)
}
