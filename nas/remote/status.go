package remote

import (
	"math"
	"time"

	"nasnet/nas"
)

// Status is a run in a few numbers, as nasnet status prints it.
type Status struct {
	Time     time.Time `json:"ts"`
	Name     string    `json:"run"`
	Dir      string    `json:"dir"`
	UUID     string    `json:"uuid"`
	State    string    `json:"state"`
	Reason   string    `json:"reason,omitempty"`
	Live     bool      `json:"live"` // a program has it open
	PID      int       `json:"pid,omitempty"`
	Host     string    `json:"host,omitempty"`
	Children int       `json:"children"` // proposals to make
	Proposed int       `json:"proposed"`
	Finished int       `json:"finished"`
	Failed   int       `json:"failed"`
	Updates  int       `json:"updates"` // policy version
	// events that log.jsonl has and the database has lost; the next opening restores them
	Lost int64 `json:"events_lost,omitempty"`

	// whether the controller beats random cells, without the tops; nil in a run without random cells
	Verdict *nas.Verdict `json:"verdict,omitempty"`

	Cost nas.CostTerm `json:"cost,omitzero"` // how cost weighs the rewards

	Leader
	Activity
}

// Leader is the best trial of a run.
type Leader struct {
	BestTrial *int    `json:"best_trial,omitempty"`
	Best      float64 `json:"best"` // reward; 0 while there is none
	BestCell  string  `json:"best_cell,omitempty"`
	Genotype  string  `json:"best_genotype,omitempty"`
	Accuracy  float64 `json:"best_accuracy,omitempty"`   // only while a program runs the search
	Latency   float64 `json:"best_latency_ms,omitempty"` // the same
}

// Activity is what the program that runs a search is doing.
type Activity struct {
	Cached    int          `json:"cached"`
	Workers   int          `json:"workers"`
	ImageRate float64      `json:"images_per_s"`
	Elapsed   float64      `json:"elapsed_s"`
	ETA       float64      `json:"eta_s"` // 0: unknown
	Entropy   float64      `json:"entropy"`
	Running   []Child      `json:"running,omitempty"`
	Control   *nas.Control `json:"control,omitempty"`
}

// Child is a child in training.
type Child struct {
	Trial    int       `json:"trial"`
	Kind     nas.Kind  `json:"kind"`
	State    nas.State `json:"state"`
	Cell     string    `json:"cell"`
	Epoch    int       `json:"epoch"` // whole epochs done
	Epochs   int       `json:"epochs"`
	Progress float64   `json:"progress"` // 0 to 1
}

// StatusOf returns the status of a run that this process, with ID pid, has open.
func StatusOf(s *nas.Snapshot, pid int, c nas.Control) Status {
	t := Status{Time: s.Time, Name: s.Config.Name, Dir: s.Dir, UUID: s.UUID, State: string(s.State), Reason: s.Reason,
		Live: true, PID: pid,
		Children: s.Config.Children, Proposed: s.Proposed, Finished: s.Finished, Failed: s.Failed,
		Updates: s.Policy.Version, Cost: s.Config.Cost,
		Activity: Activity{Cached: s.Cached, Workers: s.Workers, ImageRate: s.ImageRate, Elapsed: s.Elapsed.Seconds(),
			ETA:     s.ETA.Seconds(),
			Entropy: s.Policy.Entropy, Control: &c}}
	if b := s.Best; b != nil {
		id := b.ID
		t.BestTrial, t.Best, t.BestCell, t.Genotype = &id, b.Reward, b.Cell, b.Genotype.Text()
		t.Latency = b.Latency
		if a := b.Accuracy(); !math.IsNaN(a) {
			t.Accuracy = a
		}
	}
	if v := s.Verdict; v != nil {
		short := *v
		short.Tops = nil
		t.Verdict = &short
	}
	for _, r := range s.Running {
		t.Running = append(t.Running, Child{r.ID, r.Kind, r.State, r.Cell, r.Epoch, r.Epochs, r.Progress})
	}
	return t
}
