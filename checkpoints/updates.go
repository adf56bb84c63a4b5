package checkpoints

import (
	"database/sql"
	"fmt"
	"os"
)

const policyColumns = "version, batch, state_sha256, baseline, mean_reward, max_reward, entropy, max_entropy, kl, " +
	"clip_fraction, grad_norm, applied_ns"

// AddUpdate stores a policy version: the controller's state, the statistics and the rewards in the order applied. It
// ignores u.StateSHA256.
func (s *Store) AddUpdate(u Update, events ...Event) error {
	what := fmt.Sprintf("policy version %d", u.Version)
	err := finite(what, "baseline", u.Baseline, "mean reward", u.MeanReward, "largest reward", u.MaxReward,
		"entropy", u.Entropy,
		"largest entropy", u.MaxEntropy, "KL", u.KL, "clip fraction", u.ClipFraction, "gradient norm", u.GradNorm)
	if err != nil {
		return err
	}
	for _, x := range u.Samples {
		if err := finite(what, fmt.Sprintf("reward of trial %d", x.Trial), x.Reward); err != nil {
			return err
		}
	}
	return s.changeWithBlob("policy", u.State, events, func(tx *sql.Tx, sha string) error {
		_, err := tx.Exec("INSERT INTO policy("+policyColumns+") VALUES(?,?,?,?,?,?,?,?,?,?,?,?)", u.Version, u.Batch,
			sha, u.Baseline, u.MeanReward, u.MaxReward,
			u.Entropy, u.MaxEntropy, u.KL, u.ClipFraction, u.GradNorm, nanos(u.Applied))
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		for i, x := range u.Samples {
			if _, err := tx.Exec("INSERT INTO policy_sample(version, pos, trial, reward) VALUES(?,?,?,?)", u.Version, i,
				x.Trial, x.Reward); err != nil {
				return fmt.Errorf("%s: sample %d, trial %d: %w", what, i, x.Trial, err)
			}
		}
		return nil
	})
}

// UpdateAt returns a policy version, or ErrNotFound. If its state is missing, damaged or no longer kept, it returns the
// rest with the error (ErrMissing, ErrDamaged, ErrReleased): an earlier version and the samples from there on lead to
// the same state.
func (s *Store) UpdateAt(version int) (u Update, err error) {
	err = s.read(func(db *sql.DB) error {
		us, err := readUpdates(db, "WHERE version = ?", version)
		if err != nil {
			return err
		}
		if len(us) == 0 {
			return fmt.Errorf("policy version %d: %w", version, ErrNotFound)
		}
		u = us[0]
		if u.State, err = readBlob(db, s.dir, u.StateSHA256); err != nil {
			return fmt.Errorf("policy version %d: %w", u.Version, err)
		}
		return nil
	})
	return u, err
}

// Updates returns all policy versions in order, with their samples and without their states.
func (s *Store) Updates() (us []Update, err error) {
	err = s.read(func(db *sql.DB) error { us, err = readUpdates(db, ""); return err })
	return us, err
}

// UpdateOutlines returns all policy versions in order, without samples and states but with the number of samples.
func (s *Store) UpdateOutlines() (us []Update, err error) {
	err = s.read(func(db *sql.DB) error {
		if us, err = readPolicies(db, ""); err != nil {
			return err
		}
		i := 0
		return scan(db, "SELECT version, count(*) FROM policy_sample GROUP BY version ORDER BY version", nil,
			func(row *row) error {
				for version := row.int(); i < len(us) && us[i].Version < version; {
					i++
				}
				if i < len(us) {
					us[i].Used = row.int()
				}
				return nil
			})
	})
	return us, err
}

// KeepPolicies gives up the states of the policy versions for which keep is false, and returns how many. Their records
// stay, with the hash of the state: whoever applies the updates again from a kept version can check the result.
func (s *Store) KeepPolicies(keep func(version int) bool) (released int, err error) {
	kept := map[string]bool{} // several versions may share a state: an empty update changes nothing
	var gone []string
	err = s.read(func(db *sql.DB) error {
		var not []string
		err := scan(db, "SELECT version, state_sha256 FROM policy JOIN blob ON sha256 = state_sha256 WHERE kind <> ? "+
			"ORDER BY version", []any{releasedBlob}, func(row *row) error {
			if version, sha := row.int(), row.text(); keep(version) {
				kept[sha] = true
			} else {
				not = append(not, sha)
			}
			return nil
		})
		for _, sha := range not {
			if !kept[sha] {
				gone = append(gone, sha)
			}
		}
		return err
	})
	if err != nil || len(gone) == 0 {
		return 0, err
	}
	err = s.change(nil, func(tx *sql.Tx) error {
		for _, sha := range gone {
			if _, err := tx.Exec("UPDATE blob SET kind = ? WHERE sha256 = ?", releasedBlob, sha); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, sha := range gone {
		if isHash(sha) {
			os.Remove(blobPath(s.dir, sha)) // an orphan is left if this fails; the next sweep finds it
		}
	}
	return len(gone), nil
}

func readPolicies(db *sql.DB, where string, args ...any) (us []Update, err error) {
	err = scan(db, "SELECT "+policyColumns+" FROM policy "+where+" ORDER BY version", args, func(row *row) error {
		us = append(us, Update{Version: row.int(), Batch: row.int(), StateSHA256: row.text(), Baseline: row.float(),
			MeanReward: row.float(), MaxReward: row.float(),
			Entropy: row.float(), MaxEntropy: row.float(), KL: row.float(), ClipFraction: row.float(),
			GradNorm: row.float(), Applied: row.time()})
		return nil
	})
	return us, err
}

func readUpdates(db *sql.DB, where string, args ...any) ([]Update, error) {
	us, err := readPolicies(db, where, args...)
	if err != nil || len(us) == 0 {
		return nil, err
	}
	at := map[int]int{} // version to place
	for i, u := range us {
		at[u.Version] = i
	}
	between := []any{us[0].Version, us[len(us)-1].Version}
	err = scan(db, "SELECT version, trial, reward FROM policy_sample WHERE version BETWEEN ? AND ? ORDER BY version, "+
		"pos", between, func(row *row) error {
		u := &us[at[row.int()]]
		u.Samples = append(u.Samples, UpdateSample{Trial: row.int(), Reward: row.float()})
		u.Used++
		return nil
	})
	return us, err
}
