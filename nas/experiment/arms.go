package experiment

import (
	"fmt"

	"gonum.org/v1/gonum/stat"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// Arm is one way of dropping paths.
type Arm struct {
	Name     string         `json:"name"`
	DropPath child.DropPath `json:"drop_path"`
}

// Arms compare ScheduledDropPath (paper, section 2: linear in time) with a constant rate, equal to the schedule's last
// value or to its mean, and with no dropping. scaled is the schedule of the reference implementation, which also grows
// with depth.
var Arms = []Arm{
	{"none", child.DropPath{Mode: "none"}},
	{"constant .2", child.DropPath{Mode: "constant", Prob: 0.2}},
	{"constant .1", child.DropPath{Mode: "constant", Prob: 0.1}},
	{"linear .2", child.DropPath{Mode: "linear", Prob: 0.2}},
	{"linear .4", child.DropPath{Mode: "linear", Prob: 0.4}},
	{"scaled .4", child.DropPath{Mode: "scaled", Prob: 0.4}},
}

// Indices of the arms that the others are compared with.
const (
	none = iota
	constant
)

// Constant is the arm that [ArmResult.OverConstant] compares with.
var Constant = Arms[constant]

// DropPaths is the experiment: all arms have the same network, images and seeds.
type DropPaths struct {
	Genotype space.Genotype
	Data     nas.DataSpec
	Net      child.NetConfig
	Train    child.TrainConfig
	Seeds    []uint64
}

func (d DropPaths) training(a Arm, seed uint64) Training {
	t := d.Train
	t.DropPath = a.DropPath
	return Training{Name: a.Name, Rung: fmt.Sprintf("N=%d F=%d", d.Net.N, d.Net.Filters), Genotype: d.Genotype,
		Data: d.Data, Net: d.Net, Train: t, Seed: seed}
}

// Trainings lists what the experiment trains, seed by seed, so that an unfinished experiment has complete pairs.
func (d DropPaths) Trainings() (ts []Training) {
	for _, seed := range d.Seeds {
		for _, a := range Arms {
			ts = append(ts, d.training(a, seed))
		}
	}
	return ts
}

// ArmResult is the result of one arm.
type ArmResult struct {
	Arm
	Accuracy []float64 `json:"accuracy"`       // by seed
	Mean     float64   `json:"mean"`           // a fraction
	SD       float64   `json:"sd"`             // between seeds
	TrainAcc float64   `json:"train_accuracy"` // mean; shows how much the network overfits

	// Gains, paired by seed; nil for the arm itself, and with fewer than three pairs.
	Gain *Interval `json:"gain,omitempty"` // over none
	// over the constant rate at which ScheduledDropPath ends
	OverConstant *Interval `json:"gain_over_constant,omitempty"`
}

// Results reads the finished trainings. A pair counts if both its trainings have ended.
func (d DropPaths) Results(g *Grid) (out []ArmResult) {
	for _, a := range Arms {
		r := ArmResult{Arm: a}
		var train []float64
		for _, seed := range d.Seeds {
			row, ok := g.Row(d.training(a, seed))
			if !ok || row.Failed != "" {
				continue
			}
			r.Accuracy, train = append(r.Accuracy, row.Accuracy), append(train, row.TrainAcc)
		}
		if len(r.Accuracy) > 0 {
			r.Mean, r.TrainAcc = stat.Mean(r.Accuracy, nil), stat.Mean(train, nil)
		}
		if len(r.Accuracy) > 1 {
			r.SD = stat.StdDev(r.Accuracy, nil)
		}
		r.Gain, r.OverConstant = d.gain(g, a, none), d.gain(g, a, constant)
		out = append(out, r)
	}
	return out
}

// gain returns how much better an arm is than Arms[than].
func (d DropPaths) gain(g *Grid, a Arm, than int) *Interval {
	if a == Arms[than] {
		return nil
	}
	var gains []float64
	for _, seed := range d.Seeds {
		x, ok := g.Row(d.training(a, seed))
		y, too := g.Row(d.training(Arms[than], seed))
		if ok && too && x.Failed == "" && y.Failed == "" {
			gains = append(gains, x.Accuracy-y.Accuracy)
		}
	}
	iv, ok := meanOf(gains)
	if !ok {
		return nil
	}
	return &iv
}
