package nas

import (
	"fmt"
	"slices"
	"time"

	"nasnet/nas/space"
)

// Trial is a child of a run as its owner keeps it: a view for screens, and what only the search needs.
type Trial struct {
	TrialView
	Hash    string    // of the canonical genotype, in full
	Choices []int     // of the proposal, by decision
	LogP    []float64 // log probabilities of the choices
	Attempt int       // number of trainings started
	Lean    bool      // Genotype, Curve, Choices and LogP are only in the store
	Kept    string    // blob of the checkpoint after Epoch whole epochs; empty: the training starts from scratch
	Shared  string    // name of the run that trained the same job, if this run did not
}

// Ended reports whether nothing more will happen to the trial.
func (t *Trial) Ended() bool { return t.State == Done || t.State == Failed || t.State == Stopped }

// TrainedAs returns the number of the trial whose training produced the reward.
func (t *Trial) TrainedAs() int {
	if t.CachedOf >= 0 {
		return t.CachedOf
	}
	return t.ID
}

// Ledger holds all trials of a run and answers what follows from them: which cells repeat, which trial comes next, how
// cells rank. It is a plain value without store, clock or goroutine; the owner of a run adds trials and changes them.
// The trials it returns are its own, not copies.
type Ledger struct {
	config    Config
	proposals []*Trial // by number
	starts    []int    // first proposal of each batch
	manual    []*Trial // trials made by hand, by number
	first     map[string]int
	recent    []int // the latest trials to end, newest first, at most MaxRecent
	applied   int   // batches that updates have used: the policy version
	entropy   entropySums
}

// NewLedger returns an empty ledger with capacity for a number of proposals.
func NewLedger(c Config, proposals int) *Ledger {
	return &Ledger{config: c, proposals: make([]*Trial, 0, proposals), first: make(map[string]int, proposals)}
}

// NewTrial returns a trial of a cell, not yet in the ledger.
func (l *Ledger) NewTrial(id int, kind Kind, g space.Genotype) *Trial {
	t := l.Blank(id, kind, g.Hash())
	t.Genotype = g
	return t
}

// Blank returns a trial that knows only the hash of its cell. hash has at least 6 characters.
func (l *Ledger) Blank(id int, kind Kind, hash string) *Trial {
	t := &Trial{Hash: hash, TrialView: TrialView{ID: id, State: Proposed}}
	t.Origin = Origin{Kind: kind, Batch: -1, Policy: -1, Parent: -1, CachedOf: -1, Cell: hash[:6]}
	t.Training = Training{Epochs: l.config.Train.Epochs, Keep: 1}
	return t
}

// Admit adds a trial to the ledger and finds out whether it repeats an earlier proposal. Proposals must come in order
// of their numbers.
func (l *Ledger) Admit(t *Trial) {
	if !t.Kind.Proposal() {
		l.manual = append(l.manual, t)
		return
	}
	if t.Batch == len(l.starts) {
		l.starts = append(l.starts, len(l.proposals))
	}
	l.proposals = append(l.proposals, t)
	l.entropy.add(t)
	if t.ID < l.config.Inherited {
		return
	}
	// A stopped child says nothing about its cell, so the next proposal of the cell is trained.
	if was, ok := l.first[t.Hash]; !ok || l.proposals[was].State == Stopped {
		l.first[t.Hash] = t.ID
	} else if l.config.Repeats == "cached" && t.Attempt == 0 {
		// Attempt is above 0 if a fork set repeats to cached after this trial was trained
		t.CachedOf = was
	}
}

// Trial returns the trial with the given number, or nil if there is none.
func (l *Ledger) Trial(id int) *Trial {
	if id >= 0 && id < len(l.proposals) {
		return l.proposals[id]
	}
	if i, ok := slices.BinarySearchFunc(l.manual, id, func(t *Trial, id int) int { return t.ID - id }); ok {
		return l.manual[i]
	}
	return nil
}

// Proposals returns the proposals by number. The caller must not change the slice.
func (l *Ledger) Proposals() []*Trial { return l.proposals }

// Manual returns the trials made by hand, by number. The caller must not change the slice.
func (l *Ledger) Manual() []*Trial { return l.manual }

// All yields the proposals, then the trials made by hand, each by number.
func (l *Ledger) All(yield func(*Trial) bool) {
	for _, ts := range [][]*Trial{l.proposals, l.manual} {
		for _, t := range ts {
			if !yield(t) {
				return
			}
		}
	}
}

// NextManual returns the number for the next trial made by hand.
func (l *Ledger) NextManual() int {
	if n := len(l.manual); n > 0 {
		return l.manual[n-1].ID + 1
	}
	return FirstManual
}

// Batches returns the number of batches proposed so far.
func (l *Ledger) Batches() int { return len(l.starts) }

// BatchStart returns the number of the first proposal of batch k, which may be the next one to be proposed.
func (l *Ledger) BatchStart(k int) int {
	if k < len(l.starts) {
		return l.starts[k]
	}
	return len(l.proposals)
}

// Batch returns the proposals of batch k.
func (l *Ledger) Batch(k int) []*Trial { return l.proposals[l.BatchStart(k):l.BatchStart(k+1)] }

// Applied returns the number of batches that updates have used, which is the policy version.
func (l *Ledger) Applied() int { return l.applied }

// Apply records that updates have used n more batches.
func (l *Ledger) Apply(n int) { l.applied += n }

// FirstOpen returns a lower bound for the numbers of unfinished proposals.
func (l *Ledger) FirstOpen() int { return l.BatchStart(l.applied) }

// Open returns the proposals from FirstOpen on.
func (l *Ledger) Open() []*Trial { return l.proposals[l.FirstOpen():] }

// Next returns the trial to train next: cells made by hand first, because a person waits for them, then proposals by
// number. It returns nil if there is none.
func (l *Ledger) Next() *Trial {
	for _, t := range l.manual {
		if t.State == Proposed {
			return t
		}
	}
	for _, t := range l.Open() {
		if t.State == Proposed && t.CachedOf < 0 {
			return t
		}
	}
	return nil
}

// AllProposed reports whether the search has drawn all its proposals.
func (l *Ledger) AllProposed() bool { return len(l.proposals) >= l.config.Children }

// Complete reports whether every proposal was drawn and used, and every trial made by hand has ended.
func (l *Ledger) Complete() bool {
	if !l.AllProposed() || l.applied < len(l.starts) {
		return false
	}
	return !slices.ContainsFunc(l.manual, func(t *Trial) bool { return !t.Ended() })
}

// Original returns the trial whose result a repeat will share. If that trial was stopped, the repeat moves to the first
// other trial of the cell, or becomes the first itself; then moved is true.
func (l *Ledger) Original(t *Trial) (o *Trial, moved bool) {
	o = l.proposals[t.CachedOf]
	if o.State != Stopped {
		return o, false
	}
	if first := l.first[t.Hash]; first != o.ID {
		t.CachedOf = first
	} else {
		t.CachedOf, l.first[t.Hash] = -1, t.ID
	}
	return o, true
}

// ShareEnd gives a repeat the result of the trial it repeats.
func (t *Trial) ShareEnd(o *Trial) {
	t.State, t.Reward, t.HasReward, t.FailKind, t.FailText = o.State, o.Reward, o.HasReward, o.FailKind, o.FailText
	t.Params, t.MAdds, t.Latency, t.Epoch, t.Progress, t.Curve = o.Params, o.MAdds, o.Latency, o.Epoch, 1, o.Curve
}

// BuiltUpon returns what already depends on the stop of a trial, or "" if nothing does. updating says that an update of
// the policy is in progress.
func (l *Ledger) BuiltUpon(t *Trial, updating bool) string {
	if !t.Kind.Proposal() {
		return ""
	}
	if t.Batch < l.applied || t.Batch == l.applied && updating {
		return fmt.Sprintf("policy %d was made without it", t.Batch+1)
	}
	for _, u := range l.repeatsAfter(t) {
		if u.Attempt > 0 && u.State != Stopped {
			return fmt.Sprintf("child %s was trained in its place", u.Label())
		}
	}
	return ""
}

// repeatsAfter returns the later proposals that would share the reward of a trial.
func (l *Ledger) repeatsAfter(t *Trial) (us []*Trial) {
	if l.config.Repeats != "cached" {
		return nil
	}
	for _, u := range l.proposals[t.ID+1:] {
		if u.Hash == t.Hash && u.ID >= l.config.Inherited {
			us = append(us, u)
		}
	}
	return us
}

// Reopen queues a stopped trial again and makes the later proposals of its cell what they would be if it had never been
// stopped.
func (l *Ledger) Reopen(t *Trial) {
	l.recent = slices.DeleteFunc(slices.Clone(l.recent), func(id int) bool { return id == t.ID })
	if !t.Kind.Proposal() || t.CachedOf >= 0 {
		return
	}
	us := l.repeatsAfter(t)
	for _, u := range us {
		u.CachedOf = t.ID
	}
	if len(us) > 0 {
		l.first[t.Hash] = t.ID
	}
}

// End records that a trial has just ended.
func (l *Ledger) End(t *Trial) {
	l.recent = append([]int{t.ID}, l.recent[:min(len(l.recent), MaxRecent-1)]...)
}

// Count returns how many proposals are in the given state.
func (l *Ledger) Count(in State) (n int) {
	for _, t := range l.proposals {
		if t.State == in {
			n++
		}
	}
	return n
}

// Finished returns the number of proposals that have ended.
func (l *Ledger) Finished() (n int) {
	for _, t := range l.proposals {
		if t.Ended() {
			n++
		}
	}
	return n
}

// Distinct returns the number of different cells among the proposals.
func (l *Ledger) Distinct() int { return len(l.first) }

// ETA returns the time until the last proposal ends, at the pace of the latest trainings; 0 while that is unknown.
func (l *Ledger) ETA(workers int) time.Duration {
	sum, n := 0.0, 0
	for _, id := range l.recent {
		if t := l.Trial(id); t.Kind.Proposal() && t.CachedOf < 0 && t.Seconds > 0 {
			sum, n = sum+t.Seconds, n+1
		}
	}
	open := l.config.Children - l.Finished()
	if n == 0 || open <= 0 || workers == 0 {
		return 0
	}
	return time.Duration(sum / float64(n) * float64(open) / float64(workers) * float64(time.Second)).Round(time.Second)
}

// wholeBehind is how many proposals of applied batches stay whole: enough to include sharesOf samples.
const wholeBehind = 2 * sharesOf

// FirstWhole returns the number of the first proposal that is never lean.
func (l *Ledger) FirstWhole() int { return max(0, l.FirstOpen()-wholeBehind) }

// Slim frees most of the memory of old proposals that no screen shows: their cells, choices, probabilities and curves.
// Once a batch is applied, only screens need these, and they are in the store.
func (l *Ledger) Slim(shown *Results) {
	keep := map[int]bool{}
	for _, views := range [][]TrialView{shown.Top, shown.Starred, shown.Recent} {
		for _, v := range views {
			keep[v.ID] = true
		}
	}
	for _, t := range l.proposals[:l.FirstWhole()] {
		t.Choices, t.LogP = nil, nil
		if !keep[t.ID] {
			t.Genotype, t.Curve, t.Lean = space.Genotype{}, nil, true
		}
	}
}

// SetRecent sets the trials that ended last, newest first.
func (l *Ledger) SetRecent(ended []*Trial) {
	l.recent = nil
	for _, t := range ended[:min(MaxRecent, len(ended))] {
		l.recent = append(l.recent, t.ID)
	}
}
