package record

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"nasnet/checkpoints"
	"nasnet/nas/controller"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// Policy states are large, and a run may have a thousand of them. It keeps the latest ones and every tenth; the others
// can be rebuilt bit for bit by applying the stored rewards again.
const (
	keptPolicies    = 10 // the latest; more than the largest lag
	everyKeptPolicy = 10
)

// Keeps reports whether a run keeps the state of a policy version when last is the newest.
func Keeps(version, last int) bool {
	return version%everyKeptPolicy == 0 || version > last-keptPolicies
}

// lost reports whether an error means that a state is gone, deliberately or not, rather than that the store cannot be
// read.
func lost(err error) bool {
	return errors.Is(err, checkpoints.ErrReleased) || errors.Is(err, checkpoints.ErrMissing) ||
		errors.Is(err, checkpoints.ErrDamaged)
}

// Policy returns the controller's state of the given version, from 1. If the store does not have it, it is rebuilt from
// the nearest earlier version that is stored.
func (r *Run) Policy(version int) (state []byte, rebuilt bool, err error) {
	u, err := r.UpdateAt(version)
	if err == nil || !lost(err) {
		return u.State, false, err
	}
	if state, err = r.rebuild(version); err != nil {
		return nil, false, fmt.Errorf("policy version %d: %w", version, err)
	}
	return state, true, nil
}

// rebuild makes the state of a version by applying the rewards of all updates since the last stored one.
func (r *Run) rebuild(version int) ([]byte, error) {
	base, from := version, []byte(nil)
	for ; base > 0; base-- {
		u, err := r.UpdateAt(base)
		if err == nil {
			from = u.State
			break
		}
		if !lost(err) {
			return nil, err
		}
	}
	us, err := r.Updates()
	if err != nil {
		return nil, err
	}
	ts, err := r.Trials()
	if err != nil {
		return nil, err
	}
	settings := r.Config.ControllerAt(base + 1)
	p, err := PolicyFrom(r.Space, settings, from)
	if err != nil {
		return nil, err
	}
	for _, u := range us[base:version] {
		if now := r.Config.ControllerAt(u.Version); now != settings {
			if from, err = p.State(); err == nil {
				p, err = PolicyFrom(r.Space, now, from)
			}
			if settings = now; err != nil {
				return nil, err
			}
		}
		var batch []controller.Sample
		for _, x := range u.Samples {
			if x.Trial < 0 || x.Trial >= len(ts) || ts[x.Trial].ID != x.Trial {
				return nil, fmt.Errorf("update %d used trial %d, which does not exist", u.Version, x.Trial)
			}
			batch = append(batch, controller.Sample{Choices: ts[x.Trial].Choices, LogP: ts[x.Trial].LogP,
				Reward: x.Reward})
		}
		if len(batch) > 0 {
			if _, err := p.Update(batch); err != nil {
				return nil, err
			}
		}
	}
	state, err := p.State()
	if err != nil {
		return nil, err
	}
	if got, want := Hash(state), us[version-1].StateSHA256; got != want {
		return nil, fmt.Errorf("rebuilt from version %d, its sha256 is %.12s; want %.12s: the rewards or the program "+
			"have changed", base, got, want)
	}
	return state, nil
}

// PolicyFrom returns the space's controller in the given state; nil means untrained.
func PolicyFrom(sp space.Space, c controller.Config, state []byte) (controller.Controller, error) {
	p, err := controller.New(sp.Arities(), c)
	if err == nil && state != nil {
		err = p.Restore(state)
	}
	return p, err
}

// Uniform returns the controller that draws the random cells of a space.
func Uniform(sp space.Space) (controller.Controller, error) {
	return controller.New(sp.Arities(), controller.Config{Strategy: "random"})
}

// ProposeRandom draws a random cell with its own random stream, so that it depends only on seed and number.
func ProposeRandom(uniform controller.Controller, seed uint64, id int) controller.Proposal {
	return uniform.Propose(rng.Stream(seed, "shadow", uint64(id)))
}

// Hash returns the name of a blob.
func Hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
