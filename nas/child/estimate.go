package child

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"nasnet/dataset"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// Estimate predicts what a training takes on this machine.
type Estimate struct {
	Cost
	Bytes        int64   `json:"bytes"`         // memory of the training (see [Trainer.Bytes]) and of the images
	ImagesPerSec float64 `json:"images_per_s"`  // in training
	JudgedPerSec float64 `json:"judged_per_s"`  // in validation, counting mirror images
	EpochSeconds float64 `json:"epoch_seconds"` // training and validation
	Seconds      float64 `json:"seconds"`       // all epochs
}

// Epochs returns how many epochs fit into a time.
func (e Estimate) Epochs(within time.Duration) int { return int(within.Seconds() / e.EpochSeconds) }

// Volume is the number of images of a training and, if it picks them from a larger set held in memory, the size of that
// set.
type Volume struct{ Train, Val, Held int }

// bytes returns the memory of the images.
func (v Volume) bytes(net NetConfig) int64 {
	return int64(max(v.Held, v.Train+v.Val)) * int64(net.Image) * int64(net.Image) * int64(net.Channels)
}

// BytesWith is [BytesOf] plus the images.
func BytesWith(g space.Genotype, net NetConfig, train TrainConfig, v Volume) (int64, error) {
	n, err := BytesOf(g, net, train)
	return n + v.bytes(net.WithDefaults()), err
}

// errMeasured ends the steps of a measurement.
var errMeasured = errors.New("measured")

// Measure trains a network on random images for about two seconds, at least one step, judges a batch a few times, and
// estimates the whole training from that. For large networks its batches are smaller than those of the training. It
// takes its memory from m, so a training that uses m next finds the pages mapped.
func Measure(ctx context.Context, g space.Genotype, net NetConfig, train TrainConfig, v Volume, threads int,
	m *Buffers) (e Estimate, err error) {
	net, train = net.WithDefaults(), train.WithDefaults()
	epochs := train.Epochs
	// what it learns from noise does not matter, as long as it does not diverge
	train.Epochs, train.WarmupEpochs, train.LR = 1, 0, 1e-6
	train.Whiten = false // nor does its start
	if e.Bytes, err = BytesWith(g, net, train, v); err != nil {
		return e, err
	}
	cost, err := CostOf(g, net)
	if err != nil {
		return e, err
	}
	// Take fewer images per step if a whole batch would be slow.
	const quick = 40e9 // multiply-adds
	if part := int(quick / float64(3*cost.MAdds)); part < train.Batch {
		train.Batch = max(2, part/train.Shards) * train.Shards
	}
	const steps = 1000
	view := randomView(net, train.Batch)
	long := *view
	long.Index = make([]int32, steps*train.Batch) // every image many times: an epoch that never ends
	for i := range long.Index {
		long.Index[i] = int32(i % view.Len())
	}
	t, err := NewTrainer(g, net, train, Data{Train: &long, Val: view}, 1)
	if err != nil {
		return e, err
	}
	t.Use(m)
	if threads > 0 {
		t.SetThreads(threads)
	}
	e.Cost = t.Cost()
	began, first := time.Now(), time.Duration(0)
	_, err = t.Run(ctx, func(p Progress) error {
		took := time.Since(began)
		if p.Step == 1 {
			first = took
			e.ImagesPerSec = float64(train.Batch) / took.Seconds()
		} else { // without the first step, which maps memory
			e.ImagesPerSec = float64((p.Step-1)*train.Batch) / (took - first).Seconds()
		}
		if took > 2*time.Second && p.Step > 2 || took > 8*time.Second || p.Step == steps-1 {
			return errMeasured
		}
		return nil
	})
	if !errors.Is(err, errMeasured) {
		return e, fmt.Errorf("child: measure: %w", err)
	}
	var took []time.Duration // to judge a batch
	for began := time.Now(); len(took) == 0 || len(took) < 9 && time.Since(began) < 500*time.Millisecond; {
		from := time.Now()
		if _, _, err := t.Evaluate(ctx, view); err != nil {
			return e, fmt.Errorf("child: measure: %w", err)
		}
		took = append(took, time.Since(from))
	}
	slices.Sort(took) // a batch is short enough for another program to make it many times longer
	e.JudgedPerSec = float64(view.Len()) / took[(len(took)-1)/2].Seconds()
	e.EpochSeconds = float64(v.Train)/e.ImagesPerSec + float64(v.Val)/e.JudgedPerSec
	e.Seconds = float64(epochs) * e.EpochSeconds
	return e, nil
}

// randomView returns n images of noise.
func randomView(net NetConfig, n int) *dataset.View {
	im := &dataset.Images{N: n, H: net.Image, W: net.Image, C: net.Channels,
		Pixels: make([]uint8, n*net.Image*net.Image*net.Channels), Labels: make([]int32, n)}
	r := rng.Stream(1, "measure")
	for i := range im.Pixels {
		im.Pixels[i] = uint8(r.Uint32())
	}
	v := &dataset.View{Data: im, Classes: net.Classes, Index: make([]int32, n)}
	for i := range n {
		im.Labels[i], v.Index[i] = int32(r.IntN(net.Classes)), int32(i)
	}
	for range net.Channels {
		v.Mean, v.Std = append(v.Mean, 0.5), append(v.Std, 0.25)
	}
	return v
}
