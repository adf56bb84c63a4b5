package child

import (
	"errors"
	"fmt"
)

// Progress is the state of a training after a step.
type Progress struct {
	Epoch  int     `json:"epoch"`  // current epoch, from 0
	Epochs int     `json:"epochs"` // in all
	Step   int     `json:"step"`   // steps done, of the whole training
	Steps  int     `json:"steps"`  // in all
	Loss   float64 `json:"loss"`   // mean cross entropy so far in this epoch
	Acc    float64 `json:"acc"`    // fraction of training images classified correctly so far in this epoch
	LR     float64 `json:"lr"`     // of the step
	// probability in this step of keeping a path in the last cell; 1 without DropPath
	Keep         float64      `json:"keep"`
	ImagesPerSec float64      `json:"images_per_sec"`
	Cost         Cost         `json:"cost"`                // of the network; the same at every step
	EpochEnd     *EpochResult `json:"epoch_end,omitempty"` // after the last step of an epoch, once validated
}

// EpochResult is the result of an epoch.
type EpochResult struct {
	Epoch     int     `json:"epoch"`      // from 1
	LR        float64 `json:"lr"`         // of the last step
	Keep      float64 `json:"keep"`       // of the last step
	TrainLoss float64 `json:"train_loss"` // mean over the epoch, while the weights changed
	TrainAcc  float64 `json:"train_acc"`  // fraction, likewise
	ValLoss   float64 `json:"val_loss"`   // mean cross entropy without label smoothing, with moving statistics
	ValAcc    float64 `json:"val_acc"`    // fraction
	Seconds   float64 `json:"seconds"`    // training and validation, without the time in which report blocked
	Images    int     `json:"images"`     // training images
}

// Result is the result of a training.
type Result struct {
	Reward  float64       `json:"reward"` // validation accuracy after the last epoch, a fraction
	Epochs  []EpochResult `json:"epochs"`
	Cost    Cost          `json:"cost"`
	Seconds float64       `json:"seconds"`
}

// ErrDiverged reports a training whose loss or gradient norm is not finite.
var ErrDiverged = errors.New("training diverged")

// PanicError is a panic inside a child, as an error: a bug in the program, which ends this child and nothing else.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("child: panic: %v\n%s", e.Value, e.Stack) }
