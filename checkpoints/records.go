package checkpoints

import "time"

// Run is what is known of a run as a whole.
type Run struct {
	UUID, Name    string // set by Create where empty: random, and the folder's name
	ParentUUID    string // the run this was forked from, empty if none
	ForkedAt      int    // policy version of the fork, -1 if none
	State         string // created, running, paused, draining, done, failed, stopped
	Seed          uint64
	Config        []byte // JSON
	DatasetSHA256 string
	Build         []byte // JSON: the program and machine that made the run
	Incarnation   int    // how often a writer has opened it
	Created       time.Time
	Updated       time.Time     // of the last commit
	Target        int           // proposals wanted in all
	Elapsed       time.Duration // as told by SetElapsed
}

// Trial is one child of a run. Proposals are numbered from 0 in the order in which their rewards are applied.
type Trial struct {
	ID, Batch, PolicyVersion int    // Batch -1: made by hand; PolicyVersion -1: drawn from no policy
	Kind                     string // sample, edit or retrain

	Genotype []byte // JSON, kept byte for byte
	CellHash string // equal for isomorphic cells
	Choices  []int
	LogP     []float64 // log-probability of each choice under the proposing policy, nats; none is nil

	State   string // proposed, running, done, failed, stopped
	Attempt int    // 0 for the first training
	Result

	Parent int    // the trial it was made from or whose reward it shares, -1 if none
	Spec   []byte // JSON of a retrain's settings
	Star   bool
	Note   string

	CheckpointSHA256 string // blob of the half-trained child, empty if none
	CheckpointEpoch  int    // whole epochs in it
}

// Result is what came of an attempt at a trial.
type Result struct {
	Reward        float64
	HasReward     bool // Reward is 0 without it
	FailKind      string
	FailDetail    string
	Params        int64
	MAdds         int64
	WeightsSHA256 string // blob of the trained weights, empty if not kept

	Worker            string // who trained it, empty for this machine
	Started, Finished time.Time
	Seconds           float64 // of training
	Latency           float64 // of one image on one thread, milliseconds; 0 if it was not measured
}

// Open reports whether the trial still has to end.
func (t Trial) Open() bool { return t.State != "done" && t.State != "failed" && t.State != "stopped" }

// Epoch is one epoch of one attempt of a trial. Losses are means over examples, accuracies fractions in [0, 1].
type Epoch struct {
	Trial, Attempt, Epoch                          int
	LR, Keep, TrainLoss, TrainAcc, ValLoss, ValAcc float64
	Seconds                                        float64
	Images                                         int
}

// Update is the controller after one batch of rewards was applied. Version 0, if stored, is the untrained controller.
type Update struct {
	Version, Batch int
	State          []byte // of the controller, exact; kept as a blob
	StateSHA256    string // set by the store

	Baseline, MeanReward, MaxReward float64
	Entropy, MaxEntropy, KL         float64 // nats per sequence
	ClipFraction, GradNorm          float64
	Samples                         []UpdateSample // in the order applied
	Used                            int            // number of samples, set by the store
	Applied                         time.Time
}

// UpdateSample is one reward that entered an update. A trial enters at most one.
type UpdateSample struct {
	Trial  int
	Reward float64
}

// Event is something that happened, in the words of package nas. The store gives it its ID: 1, 2, 3 … without gaps.
type Event struct {
	ID    int64
	Time  time.Time // the time of the commit where zero
	Level string    // "info" where empty
	Kind  string
	Trial int    // -1 if none
	Body  []byte // JSON, nil if none
}
