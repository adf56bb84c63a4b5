package checkpoints

import "time"

// Run is the record of a run as a whole.
type Run struct {
	UUID, Name    string // if empty, Create sets them: a random one, and the folder's name
	ParentUUID    string // the run this was forked from, or empty
	ForkedAt      int    // policy version of the fork, or -1
	State         string // created, running, paused, draining, done, failed, stopped
	Seed          uint64
	Config        []byte // JSON
	DatasetSHA256 string
	Build         []byte // JSON: the program and machine that made the run
	Incarnation   int    // how often a writer has opened it
	Created       time.Time
	Updated       time.Time     // of the last commit
	Target        int           // proposals planned in all
	Elapsed       time.Duration // as set by SetElapsed
}

// Trial is one child of a run. Proposals are numbered from 0 in the order in which their rewards are applied.
type Trial struct {
	ID, Batch, PolicyVersion int    // Batch -1: made by hand; PolicyVersion -1: not drawn from a policy
	Kind                     string // sample, edit or retrain

	Genotype []byte // JSON, kept byte for byte
	CellHash string // equal for isomorphic cells
	Choices  []int
	LogP     []float64 // log-probability of each choice under the proposing policy, nats; nil if there are none

	State   string // proposed, running, done, failed, stopped
	Attempt int    // 0 for the first training
	Result

	Parent int    // the trial it was made from or whose reward it shares, or -1
	Spec   []byte // JSON of a retrain's settings
	Star   bool
	Note   string

	CheckpointSHA256 string // blob of the half-trained child, or empty
	CheckpointEpoch  int    // how many whole epochs it has
}

// Result is the result of an attempt at a trial.
type Result struct {
	Reward        float64
	HasReward     bool // Reward is 0 without it
	FailKind      string
	FailDetail    string
	Params        int64
	MAdds         int64
	WeightsSHA256 string // blob of the trained weights, or empty if not kept

	Worker            string // who trained it; empty: this machine
	Started, Finished time.Time
	Seconds           float64 // of training
	Latency           float64 // of one image on one thread, milliseconds; 0: not measured
}

// Open reports whether the trial has not ended yet.
func (t Trial) Open() bool { return t.State != "done" && t.State != "failed" && t.State != "stopped" }

// Epoch is one epoch of one attempt of a trial. Losses are means over examples, accuracies fractions in [0, 1].
type Epoch struct {
	Trial, Attempt, Epoch                          int
	LR, Keep, TrainLoss, TrainAcc, ValLoss, ValAcc float64
	Seconds                                        float64
	Images                                         int
}

// Update is the controller after one batch of rewards. Version 0, if stored, is the untrained controller.
type Update struct {
	Version, Batch int
	State          []byte // of the controller, exact; stored as a blob
	StateSHA256    string // set by the store

	Baseline, MeanReward, MaxReward float64
	Entropy, MaxEntropy, KL         float64 // nats per sequence
	ClipFraction, GradNorm          float64
	Samples                         []UpdateSample // in the order applied
	Used                            int            // number of samples, set by the store
	Applied                         time.Time
}

// UpdateSample is one reward that entered an update. A trial enters at most one update.
type UpdateSample struct {
	Trial  int
	Reward float64
}

// Event is something that happened, in the words of package nas. The store sets its ID: 1, 2, 3 … without gaps.
type Event struct {
	ID    int64
	Time  time.Time // zero: the time of the commit
	Level string    // empty: "info"
	Kind  string
	Trial int    // or -1
	Body  []byte // JSON, or nil
}
