package nas

import (
	"context"
	"errors"

	"nasnet/nas/space"
)

// Action is what a [Command] asks for. Every key and every subcommand that steers a run sends one of these.
type Action string

const (
	Pause       Action = "pause"        // the search: running children stop at their next batch, nothing new starts
	Resume      Action = "resume"       // the search
	Toggle      Action = "toggle"       // the search: pause it, or resume it if it is paused or draining
	PauseTrial  Action = "pause-trial"  // one child
	ResumeTrial Action = "resume-trial" // one child
	ToggleTrial Action = "toggle-trial" // one child: pause it, or resume it if it is paused
	StopTrial   Action = "stop-trial"   // end one child; it counts as stopped, not as failed
	UndoStop    Action = "undo-stop"    // continue a stopped child as if it had never been stopped
	SetWorkers  Action = "workers"      // N children at a time from now on
	// train a cell made by hand with the search's settings; it is ranked, but never enters an update
	Submit  Action = "submit"
	Retrain Action = "retrain" // train a cell with other settings
	Fork    Action = "fork"    // a new run from a policy version of this one
	Star    Action = "star"    // mark a trial, or remove the mark
	Note    Action = "note"    // attach a line of text to a trial
	Drain   Action = "drain"   // stop the search when the running children have finished
	Stop    Action = "stop"    // stop the search now; on resume, running children continue from their last checkpoint
)

// Command is one request to a search. Fields that its Action does not use are ignored.
type Command struct {
	Do    Action `json:"do"`
	Trial int    `json:"trial,omitempty"` // for actions on one trial
	N     int    `json:"n,omitempty"`
	Text  string `json:"text,omitempty"`
	// Submit, Retrain: the trial the cell was made from; nil: none
	Parent  *int            `json:"parent,omitempty"`
	Cell    *space.Genotype `json:"cell,omitempty"`    // Submit, Retrain; nil: the parent's
	Retrain *RetrainSpec    `json:"retrain,omitempty"` // Retrain
	Fork    *ForkSpec       `json:"fork,omitempty"`    // Fork
	From    string          `json:"-"`                 // who asks, for the log; empty: the program's own screen
}

// Reply describes what a command did, in words for a person, with the number or folder it created.
type Reply struct {
	Message string `json:"message"`
	Trial   int    `json:"trial,omitempty"`
	Dir     string `json:"dir,omitempty"`
	At      int    `json:"at,omitempty"` // policy version of a fork
}

// ForkSpec says where a fork starts and which settings it changes. A nil or zero value keeps the parent's setting.
type ForkSpec struct {
	At           int     `json:"at"`   // policy version; -1 = the latest
	Name         string  `json:"name"` // empty: the parent's name with -fork-N
	Seed         *uint64 `json:"seed,omitempty"`
	Children     int     `json:"children,omitempty"`
	LearningRate float64 `json:"learning_rate,omitempty"`
	Entropy      float64 `json:"entropy,omitempty"` // weight of the bonus; negative: none
	Steps        int     `json:"steps,omitempty"`
	Start        bool    `json:"start,omitempty"` // run it at once, in the same process as its parent
}

// Change applies the fork's nonzero settings to c.
func (f ForkSpec) Change(c *Config) {
	if f.Seed != nil {
		c.Seed = *f.Seed
	}
	if f.Children != 0 {
		c.Children = f.Children
	}
	if f.LearningRate != 0 {
		c.Controller.LearningRate = f.LearningRate
	}
	if f.Entropy != 0 {
		c.Controller.Entropy = f.Entropy
	}
	if f.Steps != 0 {
		c.Controller.Steps = f.Steps
	}
}

// Take sets in f the settings that differ between was and now, but only those that a fork of a live run may change.
func (f *ForkSpec) Take(was, now Config) {
	if now.Seed != was.Seed {
		f.Seed = &now.Seed
	}
	if now.Children != was.Children {
		f.Children = now.Children
	}
	if now.Controller.LearningRate != was.Controller.LearningRate {
		f.LearningRate = now.Controller.LearningRate
	}
	if now.Controller.Entropy != was.Controller.Entropy {
		f.Entropy = now.Controller.Entropy
	}
	if now.Controller.Steps != was.Controller.Steps {
		f.Steps = now.Controller.Steps
	}
}

// ErrClosed answers commands after a search has ended.
var ErrClosed = errors.New("the search has ended")

// Engine is a search as a screen or a script sees it. It may run in another process.
type Engine interface {
	// Snapshot returns the newest snapshot. It is never nil and never changes.
	Snapshot() *Snapshot
	// Subscribe returns a channel of size one that receives a value when there is a newer snapshot, and a function that
	// ends the subscription.
	Subscribe() (updated <-chan struct{}, cancel func())
	// Do carries out a command and returns the reply.
	Do(ctx context.Context, c Command) (Reply, error)
}
