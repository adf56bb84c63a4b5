package child

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"nasnet/nas/nn"
)

// average is the exponential moving average of a network's weights and moving statistics. It is judged and saved in
// place of the network itself (Polyak averaging; NASNet uses it on ImageNet with decay 0.9999: slim's
// train_image_classifier.py). Early on the decay is smaller, (1+n)/(10+n) after n steps, as in
// tf.train.ExponentialMovingAverage, so that short trainings gain too.
type average struct {
	decay  float64
	steps  int64
	names  []string
	live   [][]float32 // the network's values
	values [][]float32 // their averages
}

func newAverage(decay float64, g *nn.Graph) *average {
	a := &average{decay: decay}
	for _, t := range paramTensors(g) {
		a.names, a.live, a.values = append(a.names, t.Name), append(a.live, t.F32),
			append(a.values, slices.Clone(t.F32))
	}
	return a
}

// take moves the average towards the values of the network after a step.
func (a *average) take() {
	keep := min(a.decay, float64(1+a.steps)/float64(10+a.steps))
	a.steps++
	part := float32(1 - keep)
	for i, live := range a.live {
		mean := a.values[i][:len(live)]
		for j, v := range live {
			mean[j] += float32((v - mean[j]) * part)
		}
	}
}

// swap exchanges the averages and the values of the network, in all its shards. A second call undoes the first.
func (a *average) swap(shards []*shard) {
	for i, live := range a.live {
		mean := a.values[i]
		for j := range live {
			live[j], mean[j] = mean[j], live[j]
		}
	}
	shareStatistics(shards)
}

// tensors returns the averages with the names and shapes that the network's own values have in a model's file.
func (a *average) tensors(g *nn.Graph) []nn.Tensor {
	ts := paramTensors(g)
	for i := range ts {
		ts[i].F32 = a.values[i]
	}
	return ts
}

// averagePrefix begins the names of the averages in a state.
const averagePrefix = "average/"

func (a *average) state(meta map[string]string) []nn.Tensor {
	meta["average_steps"] = strconv.FormatInt(a.steps, 10)
	var ts []nn.Tensor
	for i, name := range a.names {
		ts = append(ts, nn.F32Tensor(averagePrefix+name, a.values[i], len(a.values[i])))
	}
	return ts
}

// check returns an error if restore cannot load a state with these averages.
func (a *average) check(meta map[string]string, values map[string][]float32) error {
	if n, err := strconv.ParseInt(meta["average_steps"], 10, 64); err != nil || n < 0 {
		return fmt.Errorf("average_steps is %.40q; want a number", meta["average_steps"])
	}
	for i, name := range a.names {
		if v, ok := values[name]; !ok || len(v) != len(a.values[i]) {
			return fmt.Errorf("%s%s has %d values; want %d", averagePrefix, name, len(v), len(a.values[i]))
		}
	}
	if len(values) != len(a.names) {
		return fmt.Errorf("averages of %d values, but there are %d: %.200v", len(values), len(a.names),
			slices.Sorted(maps.Keys(values)))
	}
	return nil
}

// restore loads what check accepted.
func (a *average) restore(meta map[string]string, values map[string][]float32) {
	a.steps, _ = strconv.ParseInt(meta["average_steps"], 10, 64)
	for i, name := range a.names {
		copy(a.values[i], values[name])
	}
}
