package nas

import (
	"fmt"
	"strings"
	"time"

	"nasnet/nas/child"
	"nasnet/nas/space"
)

// State is the state of a run or a trial.
type State string

const (
	Proposed State = "proposed" // of a trial: queued
	Running  State = "running"
	Paused   State = "paused"
	Done     State = "done"
	Failed   State = "failed"
	Stopped  State = "stopped"
	Draining State = "draining" // of a run: stops after the running children
)

// Word is the state as people read it.
func (s State) Word() string {
	if s == Proposed {
		return "queued"
	}
	return string(s)
}

// Kind says where a trial came from.
type Kind string

const (
	Sampled   Kind = "sample"  // drawn by the controller
	Random    Kind = "shadow"  // drawn uniformly, for comparison; never enters an update
	Submitted Kind = "edit"    // made by hand, trained with the search's settings
	Retrained Kind = "retrain" // trained with its own settings
)

// Word is the kind as people read it.
func (k Kind) Word() string {
	switch k {
	case Submitted:
		return "by hand"
	case Retrained:
		return "retrain"
	case Random:
		return "random"
	}
	return string(k)
}

// Proposal reports whether trials of the kind are drawn by the search itself, not made by hand.
func (k Kind) Proposal() bool { return k == Sampled || k == Random }

// FirstManual is the number of the first trial made by hand. Proposals are always numbered 0, 1, 2, …
const FirstManual = 1_000_000

// TrialLabel is the number of a trial as people read it: "17" for a proposal, "h1" for the first trial made by hand.
func TrialLabel(id int) string {
	if id >= FirstManual {
		return fmt.Sprintf("h%d", id-FirstManual+1)
	}
	return fmt.Sprint(id)
}

// Snapshot is an immutable picture of a run: what a screen draws and a status command prints. In JSON its embedded
// parts are flattened.
type Snapshot struct {
	Version uint64    `json:"version"` // grows with every change
	Time    time.Time `json:"time"`

	Identity
	State     State         `json:"state"`
	Reason    string        `json:"reason,omitempty"` // why it paused or stopped, if no person asked for it
	Elapsed   time.Duration `json:"elapsed"`          // running time over all sittings, without pauses
	ETA       time.Duration `json:"eta"`              // 0 = unknown
	Workers   int           `json:"workers"`
	ImageRate float64       `json:"images_per_s"` // of all children in training

	Proposed int `json:"proposed"` // proposals drawn so far, including random cells
	Distinct int `json:"distinct"` // different cells among the proposals
	Results
	Running []TrialView `json:"running"` // by start

	Policy  PolicyView   `json:"policy"`
	Beliefs *Beliefs     `json:"beliefs"` // nil if unknown
	Updates []PolicyView `json:"updates"` // one per policy version from 1 on, at most MaxPoints (then every k-th)
	Events  []Event      `json:"events"`  // the last MaxEvents, oldest first
}

// Identity says what a run is and where it comes from.
type Identity struct {
	UUID    string `json:"uuid"`
	Dir     string `json:"dir"`
	Parent  string `json:"parent,omitempty"` // uuid of the run this was forked from
	ForkAt  int    `json:"fork_at"`          // policy version of the fork, -1 if none
	Config  Config `json:"config"`
	Kernels string `json:"kernels"` // instruction set of the kernels
	// builds of the program that have worked on the run; with more than 1 it cannot be repeated bit for bit
	Builds int `json:"builds"`
}

// Results is the part of a snapshot that changes only when a trial ends or is marked. A new snapshot shares it with the
// previous one, or rebuilds it with [Ledger.Results].
type Results struct {
	Finished int `json:"finished"` // proposals that have ended: done, cached, failed or stopped
	Failed   int `json:"failed"`   // of these, failed
	Cached   int `json:"cached"`   // of these, repeats that cost nothing

	// of the samples, in order, at most MaxPoints (then every k-th)
	Rewards []RewardPoint `json:"rewards"`
	Randoms []RewardPoint `json:"shadows"` // the same for random cells
	Verdict *Verdict      `json:"verdict"` // whether the controller beats random cells; nil in a run without any
	Best    *TrialView    `json:"best"`
	// best first, one per cell, at most MaxTop; without retrains
	Top []TrialView `json:"top"`
	// starred trials that are not in Top, best first, one per cell, at most MaxTop
	Starred  []TrialView `json:"starred"`
	Recent   []TrialView `json:"recent"`   // the latest to end, newest first, at most MaxRecent
	Retrains []TrialView `json:"retrains"` // every retrain of the run, newest first
}

// fullReason is the start of the Reason of a search that waits for disk space.
const fullReason = "disk full"

// FullDisk returns the Reason of a search that cannot continue because the disk with its folder is full; need and free
// are in bytes.
func FullDisk(need, free int64, dir string) string {
	return fmt.Sprintf("%s: %s needed, %s free in %s", fullReason, FormatBytes(need), FormatBytes(free), dir)
}

// WaitsForSpace reports whether the search waits for disk space.
func (v *Snapshot) WaitsForSpace() bool {
	return v.State == Paused && strings.HasPrefix(v.Reason, fullReason)
}

// Limits on the parts of a snapshot, so that its cost does not grow with the run.
const (
	MaxPoints = 1000
	MaxTop    = 200
	MaxRecent = 20
	MaxEvents = 200
)

// RewardPoint is one finished proposal in the reward chart.
type RewardPoint struct {
	Trial  int     `json:"trial"`
	Reward float64 `json:"reward"`
	Mean   float64 `json:"mean"` // of the last 20 rewards up to here
	Best   float64 `json:"best"` // the peak: highest reward so far
}

// PolicyView is the controller after an update. Version 0 is the untrained policy.
type PolicyView struct {
	Version      int     `json:"version"`
	Baseline     float64 `json:"baseline"`
	MeanReward   float64 `json:"mean_reward"`
	MaxReward    float64 `json:"max_reward"`
	Entropy      float64 `json:"entropy"` // nats per sequence
	MaxEntropy   float64 `json:"max_entropy"`
	KL           float64 `json:"kl"`
	ClipFraction float64 `json:"clip_fraction"`
	GradNorm     float64 `json:"grad_norm"`
	Samples      int     `json:"samples"`
}

// TrialView is a trial as a screen shows it. In JSON its embedded parts are flattened.
type TrialView struct {
	ID int `json:"trial"`
	Origin
	State State `json:"state"`
	Result
	Training
	Star bool   `json:"star"`
	Note string `json:"note,omitempty"`
}

// Origin says what a trial is and where it comes from.
type Origin struct {
	Kind     Kind           `json:"kind"`
	Batch    int            `json:"batch"`     // -1 for trials made by hand
	Policy   int            `json:"policy"`    // policy version that proposed it, -1 if none
	Parent   int            `json:"parent"`    // trial it was made from, -1 if none
	CachedOf int            `json:"cached_of"` // trial whose reward it shares, -1 if trained on its own
	Genotype space.Genotype `json:"genotype"`
	Cell     string         `json:"cell"` // short hash of the canonical genotype
	Retrain  *RetrainSpec   `json:"retrain,omitempty"`
	Found    *Found         `json:"found,omitempty"` // in Snapshot.Retrains: the same cell in the search
}

// Result says how a trial ended and what it cost.
type Result struct {
	Reward    float64 `json:"reward"` // accuracy, weighed by Config.Cost
	HasReward bool    `json:"has_reward"`
	FailKind  string  `json:"fail_kind,omitempty"`
	FailText  string  `json:"fail_text,omitempty"`
	Params    int64   `json:"params"`
	MAdds     int64   `json:"madds"`
	// milliseconds for one image on one thread; 0 if not measured
	Latency  float64   `json:"latency_ms,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	Seconds  float64   `json:"seconds"` // of training
}

// Training is the progress of a trial's training.
type Training struct {
	Epoch     int                 `json:"epoch"` // whole epochs done
	Epochs    int                 `json:"epochs"`
	Progress  float64             `json:"progress"` // 0 to 1
	Loss      float64             `json:"loss"`     // running mean of this epoch
	LR        float64             `json:"lr"`
	Keep      float64             `json:"keep"` // DropPath's current keep probability
	ImageRate float64             `json:"images_per_s"`
	Left      time.Duration       `json:"left"`
	Waits     int64               `json:"waits,omitempty"` // bytes of memory it is waiting for; 0 once it trains
	Curve     []child.EpochResult `json:"curve"`
}

// Found is the best reward the search has for a cell, at the search's settings.
type Found struct {
	Trial  int     `json:"trial"`
	Kind   Kind    `json:"kind"`
	Reward float64 `json:"reward"`
}

// Label is the trial's number as people read it.
func (t TrialView) Label() string { return TrialLabel(t.ID) }
