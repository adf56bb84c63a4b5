package child

import (
	"errors"
	"fmt"
)

// Progress is where a training is, after a step.
type Progress struct {
	Epoch  int     `json:"epoch"`  // under way, from 0
	Epochs int     `json:"epochs"` // in all
	Step   int     `json:"step"`   // steps done, of the whole training
	Steps  int     `json:"steps"`  // in all
	Loss   float64 `json:"loss"`   // cross entropy, mean of the epoch so far
	Acc    float64 `json:"acc"`    // fraction of training images that were right, of the epoch so far
	LR     float64 `json:"lr"`     // of the step
	// probability of keeping a path in the last cell, of the step; 1 without drop path
	Keep         float64      `json:"keep"`
	ImagesPerSec float64      `json:"images_per_sec"`
	Cost         Cost         `json:"cost"`                // of the network, the same at every step
	EpochEnd     *EpochResult `json:"epoch_end,omitempty"` // after the last step of an epoch, with the validation done
}

// EpochResult is what an epoch gave.
type EpochResult struct {
	Epoch     int     `json:"epoch"`      // from 1
	LR        float64 `json:"lr"`         // of the last step
	Keep      float64 `json:"keep"`       // of the last step
	TrainLoss float64 `json:"train_loss"` // mean over the epoch, while the weights changed
	TrainAcc  float64 `json:"train_acc"`  // fraction, likewise
	ValLoss   float64 `json:"val_loss"`   // mean cross entropy without smoothing, by the moving statistics
	ValAcc    float64 `json:"val_acc"`    // fraction
	Seconds   float64 `json:"seconds"`    // of training and validation, without the time in which report blocked
	Images    int     `json:"images"`     // trained on
}

// Result is what a training gave.
type Result struct {
	Reward  float64       `json:"reward"` // validation accuracy after the last epoch, a fraction
	Epochs  []EpochResult `json:"epochs"`
	Cost    Cost          `json:"cost"`
	Seconds float64       `json:"seconds"`
}

// ErrDiverged is the error of a training whose loss, or the norm of its gradients, is not finite.
var ErrDiverged = errors.New("training diverged")

// PanicError is a panic inside a child, as an error: a fault in the program that ends this child and nothing else.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("child: panic: %v\n%s", e.Value, e.Stack) }
