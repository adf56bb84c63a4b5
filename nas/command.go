package nas

import (
	"context"
	"errors"

	"nasnet/nas/space"
)

// Action is what a [Command] asks for. Every key of the screen and every subcommand that steers a run is one of these.
type Action string

const (
	Pause       Action = "pause"        // the search: running children stop at their next batch, nothing new starts
	Resume      Action = "resume"       // the search
	Toggle      Action = "toggle"       // the search: pause it, or resume it if it is paused or draining
	PauseTrial  Action = "pause-trial"  // one child
	ResumeTrial Action = "resume-trial" // one child
	ToggleTrial Action = "toggle-trial" // one child: pause it, or resume it if it is paused
	StopTrial   Action = "stop-trial"   // end one child; it counts as stopped, not as failed
	UndoStop    Action = "undo-stop"    // take a stopped child up again, as if it had not been stopped
	SetWorkers  Action = "workers"      // N children at a time from now on
	// train a cell made by hand at the search's settings; it is ranked, and never enters an update
	Submit  Action = "submit"
	Retrain Action = "retrain" // train a cell at other settings
	Fork    Action = "fork"    // a new run from a policy version of this one
	Star    Action = "star"    // mark a trial, or take the mark back
	Note    Action = "note"    // keep a line of text with a trial
	Drain   Action = "drain"   // end the program's part in the run after the running children
	Stop    Action = "stop"    // end it now; running children go on from their last checkpoint at resume
)

// Command is one request to a search. Fields that its Action does not name are ignored.
type Command struct {
	Do    Action `json:"do"`
	Trial int    `json:"trial,omitempty"` // what the actions on one trial are about
	N     int    `json:"n,omitempty"`
	Text  string `json:"text,omitempty"`
	// Submit, Retrain: the trial that the cell is made from; nil: none
	Parent  *int            `json:"parent,omitempty"`
	Cell    *space.Genotype `json:"cell,omitempty"`    // Submit, Retrain; nil: the parent's
	Retrain *RetrainSpec    `json:"retrain,omitempty"` // Retrain
	Fork    *ForkSpec       `json:"fork,omitempty"`    // Fork
	From    string          `json:"-"`                 // who asks, for the log; empty: the screen of the program itself
}

// Reply is what a command did, in words for a person, with the number or folder it made.
type Reply struct {
	Message string `json:"message"`
	Trial   int    `json:"trial,omitempty"`
	Dir     string `json:"dir,omitempty"`
	At      int    `json:"at,omitempty"` // policy version of a fork
}

// ForkSpec is where a fork begins and what changes. A nil or zero change keeps the parent's setting.
type ForkSpec struct {
	At           int     `json:"at"`   // policy version; -1 = the latest
	Name         string  `json:"name"` // empty: the parent's name with -fork-N
	Seed         *uint64 `json:"seed,omitempty"`
	Children     int     `json:"children,omitempty"`
	LearningRate float64 `json:"learning_rate,omitempty"`
	Entropy      float64 `json:"entropy,omitempty"` // weight of the bonus; negative: none
	Steps        int     `json:"steps,omitempty"`
	Start        bool    `json:"start,omitempty"` // run it at once, beside its parent in the same process
}

// Change applies the settings of the fork that are not zero.
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

// Take makes the fork change what differs between two configs, as far as a fork of a live run may.
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

// ErrClosed is the answer to commands after a run has ended.
var ErrClosed = errors.New("the search has ended")

// Engine is a search as a screen or a script sees it, in this process or another.
type Engine interface {
	// Snapshot returns the newest picture of the run; it is never nil and never changes.
	Snapshot() *Snapshot
	// Subscribe returns a channel of size one that gets a value when a newer snapshot is there, and a function that
	// ends the subscription.
	Subscribe() (updated <-chan struct{}, cancel func())
	// Do carries out a command and waits for its answer.
	Do(ctx context.Context, c Command) (Reply, error)
}
