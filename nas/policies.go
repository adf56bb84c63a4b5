package nas

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"nasnet/checkpoints"
	"nasnet/nas/controller"
	"nasnet/nas/space"
)

// The states of a policy are large, and there may be a thousand of them. A run keeps the last ones and every tenth; the others can be rebuilt, to the bit,
// by applying the stored rewards again.
const (
	keptPolicies    = 10 // last ones; more than the largest lag
	everyKeptPolicy = 10
)

// keepsPolicy says whether the state of a version stays when last is the newest.
func (s *Search) keepsPolicy(version, last int) bool {
	return version%everyKeptPolicy == 0 || version > last-keptPolicies || version <= s.config.unknownPast(s.record.ForkedAt)
}

// unknownPast is the last policy version of which nobody knows under what settings it was made: those that a fork took over before Past was recorded.
func (c Config) unknownPast(forkedAt int) int {
	if len(c.Past) > 0 {
		return 0
	}
	return max(0, forkedAt)
}

// controllerAt is how the controller was set when it made a policy version.
func (c Config) controllerAt(version int) controller.Config {
	for _, p := range c.Past {
		if version <= p.Until {
			return p.Controller
		}
	}
	return c.controller()
}

// pastUntil is the Past of a fork at a version.
func (c Config) pastUntil(at int) (past []Past) {
	for _, p := range append(slices.Clone(c.Past), Past{at, c.controller()}) {
		if from := len(past); at > 0 && (from == 0 || past[from-1].Until < at) {
			p.Until = min(p.Until, at)
			past = append(past, p)
		}
	}
	return past
}

// lost says that a state is not there, be it given up or gone, rather than that the store cannot be read.
func lost(err error) bool {
	return errors.Is(err, checkpoints.ErrReleased) || errors.Is(err, checkpoints.ErrMissing) || errors.Is(err, checkpoints.ErrDamaged)
}

// policyState returns the controller's state of a version, from 1 up. Where the store does not have it, it is rebuilt from the nearest version before that is there.
func policyState(st *checkpoints.Store, version int) (state []byte, rebuilt bool, err error) {
	u, err := st.UpdateAt(version)
	if err == nil || !lost(err) {
		return u.State, false, err
	}
	if state, err = rebuildPolicy(st, version); err != nil {
		return nil, false, fmt.Errorf("policy version %d: %w", version, err)
	}
	return state, true, nil
}

func rebuildPolicy(st *checkpoints.Store, version int) ([]byte, error) {
	rec, err := st.Run()
	if err != nil {
		return nil, err
	}
	c, err := ParseConfig(rec.Config)
	if err != nil {
		return nil, err
	}
	sp, err := c.Space()
	if err != nil {
		return nil, err
	}
	base, from := version, []byte(nil)
	for ; base > 0; base-- {
		u, err := st.UpdateAt(base)
		if err == nil {
			from = u.State
			break
		}
		if !lost(err) {
			return nil, err
		}
		if base <= c.unknownPast(rec.ForkedAt) {
			return nil, fmt.Errorf("its state is not kept, and it was made before this run was forked at version %d, under settings that may differ: %w", rec.ForkedAt, err)
		}
	}
	us, err := st.Updates()
	if err != nil {
		return nil, err
	}
	ts, err := st.Trials()
	if err != nil {
		return nil, err
	}
	settings := c.controllerAt(base + 1)
	p, err := policyFrom(sp, settings, from)
	if err != nil {
		return nil, err
	}
	for _, u := range us[base:version] {
		if now := c.controllerAt(u.Version); now != settings {
			if from, err = p.State(); err == nil {
				p, err = policyFrom(sp, now, from)
			}
			if settings = now; err != nil {
				return nil, err
			}
		}
		var batch []controller.Sample
		for _, x := range u.Samples {
			if x.Trial < 0 || x.Trial >= len(ts) || ts[x.Trial].ID != x.Trial {
				return nil, fmt.Errorf("update %d used trial %d, which is not there", u.Version, x.Trial)
			}
			batch = append(batch, controller.Sample{Choices: ts[x.Trial].Choices, LogP: ts[x.Trial].LogP, Reward: x.Reward})
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
	if got, want := hashOf(state), us[version-1].StateSHA256; got != want {
		return nil, fmt.Errorf("rebuilt from version %d it has the sha256 %.12s; it was %.12s: rewards or the program have changed", base, got, want)
	}
	return state, nil
}

// policyFrom returns a controller of a space in a state; nil is the untrained one.
func policyFrom(sp space.Space, c controller.Config, state []byte) (controller.Controller, error) {
	p, err := controller.New(sp.Arities(), c)
	if err == nil && state != nil {
		err = p.Restore(state)
	}
	return p, err
}

// hashOf is the name of a blob.
func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
