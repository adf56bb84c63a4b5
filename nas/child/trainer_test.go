package child_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"nasnet/dataset"
	"nasnet/nas/child"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// tiny is a cell that trains in milliseconds: two blocks, add and concat, a separable convolution, a bottleneck, a pool
// and the identity.
func tiny(t testing.TB) space.Genotype {
	t.Helper()
	g, err := space.ParseText("name=tiny normal=h.s3+p.i h.m3&0.c3 reduction=h.s3+p.a3 0.i&p.c1")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func images(t testing.TB, train, val, side int) child.Data {
	t.Helper()
	d, err := dataset.Synthetic(dataset.SyntheticConfig{Classes: 4, Train: train + val, Test: 8, Image: side,
		Channels: 1, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	tr, va, err := d.Split(rng.Stream(1, "split"), train, val)
	if err != nil {
		t.Fatal(err)
	}
	return child.Data{Train: tr, Val: va, Name: "noise", ClassNames: []string{"a", "b", "c", "d"}}
}

var small = child.NetConfig{N: 1, Filters: 4, Image: 10, Channels: 1, Classes: 4}

// all uses everything that draws random numbers or keeps state.
func all(optimizer string) child.TrainConfig {
	lr := map[string]float64{"sgd": 0.1, "rmsprop": 0.02}[optimizer]
	return child.TrainConfig{Epochs: 4, Batch: 8, Optimizer: optimizer, LR: lr, WarmupEpochs: 0.5, Momentum: 0.9,
		Nesterov: true, WeightDecay: 1e-3, Clip: 5,
		LabelSmoothing: 0.1, Dropout: 0.2, DropPath: child.DropPath{Mode: "scaled", Prob: 0.3},
		Augment: child.Augment{Pad: 1, Flip: true, Color: 0.1, Cutout: 2},
		EMA:     0.9, FlipAverage: true}
}

func trainer(t testing.TB, net child.NetConfig, train child.TrainConfig, data child.Data,
	ids ...uint64) *child.Trainer {
	t.Helper()
	tr, err := child.NewTrainer(tiny(t), net, train, data, 5, ids...)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func state(t testing.TB, tr *child.Trainer) []byte {
	t.Helper()
	b, err := tr.State()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// withoutTimes clears what may differ between equal runs.
func withoutTimes(r child.Result) child.Result {
	r.Seconds, r.Epochs = 0, slices.Clone(r.Epochs)
	for i := range r.Epochs {
		r.Epochs[i].Seconds = 0
	}
	return r
}

// saved returns the trained network as bytes, without the results, which have times.
func saved(t testing.TB, tr *child.Trainer) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := tr.Save(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()[8+binary.LittleEndian.Uint64(b.Bytes()):]
}

func TestAChildLearns(t *testing.T) {
	data := images(t, 480, 160, 10)
	r, err := trainer(t, small, child.TrainConfig{Epochs: 6, Batch: 8, LR: 0.05, Momentum: 0.9, Clip: 5,
		WeightDecay: 5e-4}, data).Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if first, last := r.Epochs[0], r.Epochs[5]; r.Reward < 0.75 || r.Reward != last.ValAcc ||
		last.TrainLoss > first.TrainLoss/2 || last.TrainAcc < 0.7 {
		t.Errorf("reward %v; first epoch %+v, last %+v", r.Reward, first, last)
	}
	want, err := child.CostOf(tiny(t), small)
	if err != nil || r.Cost != want {
		t.Errorf("cost %+v, want %+v (error %v)", r.Cost, want, err)
	}
}

func TestStoppingAndRestoringBetweenEpochsChangesNothing(t *testing.T) {
	data := images(t, 60, 20, 10)
	net := small
	net.Aux = true
	for _, optimizer := range []string{"sgd", "rmsprop"} {
		straight := trainer(t, net, all(optimizer), data, 7, 2)
		want, err := straight.Run(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var stored []byte
		stop := errors.New("stop")
		first := trainer(t, net, all(optimizer), data, 7, 2)
		_, err = first.Run(t.Context(), func(p child.Progress) error {
			if p.EpochEnd != nil && p.EpochEnd.Epoch == 2 {
				stored = state(t, first)
				return stop
			}
			return nil
		})
		if !errors.Is(err, stop) {
			t.Fatalf("%s: error %v, want that of report", optimizer, err)
		}
		second := trainer(t, net, all(optimizer), data, 7, 2)
		if err := second.Restore(stored); err != nil {
			t.Fatal(err)
		}
		if again := state(t, second); !bytes.Equal(again, stored) {
			t.Errorf("%s: the state of a restored trainer differs", optimizer)
		}
		got, err := second.Run(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(withoutTimes(got), withoutTimes(want)) {
			t.Errorf("%s: result %+v, want %+v", optimizer, withoutTimes(got), withoutTimes(want))
		}
		if !bytes.Equal(saved(t, second), saved(t, straight)) {
			t.Errorf("%s: the weights differ", optimizer)
		}
		goesOn, err := first.Run(t.Context(), nil) // stopped at the end of an epoch, it can also just continue
		if err != nil || !reflect.DeepEqual(withoutTimes(goesOn), withoutTimes(want)) ||
			!bytes.Equal(saved(t, first), saved(t, straight)) {
			t.Errorf("%s: continuing without a restore gave another result (error %v)", optimizer, err)
		}
	}
}

func TestTheResultDependsOnSeedAndIdsAloneAndNotOnMemory(t *testing.T) {
	data := images(t, 40, 20, 10)
	train := all("sgd")
	train.Epochs = 2
	run := func(m *child.Buffers, ids ...uint64) []byte {
		tr := trainer(t, small, train, data, ids...)
		if m != nil {
			tr.Use(m)
		}
		if _, err := tr.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		return saved(t, tr)
	}
	want := run(nil, 1)
	var m child.Buffers
	big := small
	big.Filters = 8
	tr := trainer(t, big, train, data)
	tr.Use(&m)
	if _, err := tr.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	size := m.Bytes()
	if size == 0 {
		t.Error("the memory was not used")
	}
	for range 2 {
		if !bytes.Equal(run(&m, 1), want) {
			t.Error("the result differs in memory that another child had used")
		}
	}
	if m.Bytes() != size {
		t.Errorf("the memory grew from %d to %d bytes for a smaller child", size, m.Bytes())
	}
	if bytes.Equal(run(nil, 2), want) {
		t.Error("another id gave the same network")
	}
	if _, _, err := tr.Evaluate(t.Context(), data.Val); err == nil {
		t.Error("a child ran in memory that was given to another")
	}
}

func TestTheFirstStepsFollowTheSchedules(t *testing.T) {
	data := images(t, 32, 8, 10)
	train := child.TrainConfig{Epochs: 2, Batch: 8, LR: 0.2, Schedule: "cosine", WarmupEpochs: 0.5,
		DropPath: child.DropPath{Mode: "linear", Prob: 0.4}}
	var lr, keep []float64
	steps := 0
	_, err := trainer(t, small, train, data).Run(t.Context(), func(p child.Progress) error {
		lr, keep = append(lr, p.LR), append(keep, p.Keep)
		steps++
		if p.Step != steps || p.Steps != 8 || p.Epoch != (steps-1)/4 || p.Epochs != 2 ||
			(p.EpochEnd != nil) != (steps%4 == 0) {
			t.Errorf("report %d: %+v", steps, p)
		}
		if e := p.EpochEnd; e != nil && (e.Epoch != p.Epoch+1 || e.Images != 32 || e.LR != p.LR || e.Keep != p.Keep ||
			e.TrainLoss != p.Loss) {
			t.Errorf("report %d: end of the epoch %+v of %+v", steps, *e, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		wantLR := 0.1 * float64(i+1)
		if i >= 2 {
			wantLR = 0.1 * (1 + math.Cos(math.Pi*float64(i-2)/6))
		}
		if math.Abs(lr[i]-wantLR) > 1e-12 || math.Abs(keep[i]-(1-0.4*float64(i)/8)) > 1e-12 {
			t.Errorf("step %d: learning rate %v, keep %v; want %v, %v", i, lr[i], keep[i], wantLR, 1-0.4*float64(i)/8)
		}
	}
}

func TestCancellingTakesEffectWithinOneBatch(t *testing.T) {
	data := images(t, 80, 40, 10)
	for _, stopAt := range []int{1, 3, 10} { // 10: the last step of the epoch
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("stopped by hand")
		tr := trainer(t, small, child.TrainConfig{Epochs: 3, Batch: 8, LR: 0.1}, data)
		reports := 0
		_, err := tr.Run(ctx, func(p child.Progress) error {
			if reports++; reports == stopAt {
				cancel(why)
			}
			return nil
		})
		if !errors.Is(err, why) || reports != stopAt {
			t.Errorf("cancelled in report %d: error %v after %d reports", stopAt, err, reports)
		}
		_, err = tr.State()
		if _, again := tr.Run(t.Context(), nil); (err == nil) != (stopAt == 10) || (again == nil) != (stopAt == 10) {
			t.Errorf("cancelled in report %d: state gives error %v, another run %v", stopAt, err, again)
		}
		if err == nil {
			continue
		}
		fresh := trainer(t, small, child.TrainConfig{Epochs: 3, Batch: 8, LR: 0.1}, data)
		if err := tr.Restore(state(t, fresh)); err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Run(t.Context(), nil); err != nil {
			t.Errorf("after a restore: %v", err)
		}
		if _, err := fresh.Run(t.Context(), nil); err != nil || !bytes.Equal(saved(t, tr), saved(t, fresh)) {
			t.Errorf("an interrupted training, restored to its start, gives another network (error %v)", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := trainer(t, small, all("sgd"), data).Evaluate(ctx, data.Val); !errors.Is(err, context.Canceled) {
		t.Errorf("evaluation: error %v, want %v", err, context.Canceled)
	}
}

func TestADivergedTrainingNamesItsStep(t *testing.T) {
	data := images(t, 80, 40, 10)
	for _, clip := range []float64{0, 5} {
		tr := trainer(t, small, child.TrainConfig{Epochs: 3, Batch: 8, LR: 1e30, Clip: clip, Momentum: 0.9}, data)
		_, err := tr.Run(t.Context(), nil)
		if !errors.Is(err, child.ErrDiverged) || !strings.Contains(err.Error(), "at step ") ||
			!strings.Contains(err.Error(), " of 30 (epoch 1)") {
			t.Errorf("clip %v: error %v, want ErrDiverged with the step", clip, err)
		}
	}
}

func TestAPanicInAChildIsAnError(t *testing.T) {
	data := images(t, 80, 40, 10)
	broken := *data.Train
	broken.Index = slices.Clone(broken.Index)
	broken.Index[17] = 1 << 20
	data.Train = &broken
	r, err := trainer(t, small, child.TrainConfig{Epochs: 1, Batch: 8, LR: 0.1}, data).Run(t.Context(), nil)
	var p *child.PanicError
	if !errors.As(err, &p) || !strings.Contains(err.Error(), "out of range") ||
		!strings.Contains(err.Error(), "dataset.(*View).Batch") {
		t.Errorf("error %v, want a panic with its stack", err)
	}
	if r.Cost.Trainable == 0 {
		t.Error("a failed run does not report the network's cost")
	}
}

func TestImpossibleTrainersAreRefused(t *testing.T) {
	data := images(t, 40, 20, 10)
	good := child.TrainConfig{Epochs: 1, Batch: 8, LR: 0.1}
	for want, c := range map[string]struct {
		net   child.NetConfig
		train child.TrainConfig
		data  child.Data
	}{
		"train: lr is 0":           {small, child.TrainConfig{Epochs: 1, Batch: 8}, data},
		"net: n is -1":             {child.NetConfig{N: -1}, good, data},
		"40 training images; want": {small, child.TrainConfig{Epochs: 1, Batch: 41, LR: 1}, data},
		"training images: they are 10x10x1": {child.NetConfig{N: 1, Filters: 4, Image: 12, Channels: 1, Classes: 4},
			good, data},
		"training images: they have 4 classes": {child.NetConfig{N: 1, Filters: 4, Image: 10, Channels: 1, Classes: 5},
			good, data},
		"validation images: there are none": {small, good, child.Data{Train: data.Train}},
	} {
		if _, err := child.NewTrainer(tiny(t), c.net, c.train, c.data, 1); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	g := tiny(t)
	g.Normal.Blocks[0].In1 = 5
	if _, err := child.NewTrainer(g, small, good, data, 1); err == nil {
		t.Error("a genotype that reads a missing state was built")
	}
}

func TestForeignStatesAreRefused(t *testing.T) {
	data := images(t, 40, 20, 10)
	data.SHA256 = "fdb5c7a9e0"
	tr := trainer(t, small, all("sgd"), data, 1)
	before := state(t, tr)
	other := all("sgd")
	other.LR = 0.2
	changed, unknown := data, data
	changed.SHA256, unknown.SHA256 = "0e9a7c5bdf", ""
	// as earlier versions wrote it
	if err := tr.Restore(state(t, trainer(t, small, all("sgd"), unknown, 1))); err != nil {
		t.Errorf("a state without the hash of its images: %v", err)
	}
	for name, b := range map[string][]byte{
		"nothing":                 nil,
		"another id":              state(t, trainer(t, small, all("sgd"), data, 2)),
		"another learning rate":   state(t, trainer(t, small, other, data, 1)),
		"other numbers of images": state(t, trainer(t, small, all("sgd"), images(t, 48, 20, 10), 1)),
		"other images":            state(t, trainer(t, small, all("sgd"), changed, 1)),
		"a truncated file":        before[:len(before)-1],
		"a later epoch":           bytes.Replace(before, []byte(`"epoch":"0"`), []byte(`"epoch":"3"`), 1),
		"a saved model":           nil,
	} {
		if name == "a saved model" {
			var w bytes.Buffer
			if err := tr.Save(&w); err != nil {
				t.Fatal(err)
			}
			b = w.Bytes()
		}
		err := tr.Restore(b)
		if err == nil {
			t.Errorf("%s: no error", name)
		} else if name == "another learning rate" &&
			!strings.HasSuffix(err.Error(), "to another training: train.lr 0.2, here 0.1") {
			t.Errorf("%s: error %q", name, err)
		} else if name == "other images" && !strings.Contains(err.Error(),
			"on other images: data set with sha256 0e9a7c5bdf") {
			t.Errorf("%s: error %q", name, err)
		}
	}
	if !bytes.Equal(state(t, tr), before) {
		t.Error("a refused state changed the trainer")
	}
}

func TestTheAuxiliaryClassifierIsSkippedWhereItDoesNotFit(t *testing.T) {
	for _, c := range []struct {
		side int
		want bool
	}{{10, true}, {8, false}} {
		data := images(t, 40, 20, c.side)
		net := small
		net.Aux, net.Image = true, c.side
		with := trainer(t, net, child.TrainConfig{Epochs: 1, Batch: 8, LR: 0.1}, data)
		if notes := with.Notes(); (len(notes) == 0) != c.want || !c.want && !strings.Contains(notes[0], "4x4") {
			t.Errorf("%d px: notes %q", c.side, notes)
		}
		if _, err := with.Run(t.Context(), nil); err != nil {
			t.Errorf("%d px: %v", c.side, err)
		}
		net.Aux = false
		without := trainer(t, net, child.TrainConfig{Epochs: 1, Batch: 8, LR: 0.1}, data)
		if with.Cost() != without.Cost() {
			t.Errorf("%d px: cost %+v with the auxiliary classifier, %+v without", c.side, with.Cost(), without.Cost())
		}
		if _, err := without.Run(t.Context(), nil); err != nil {
			t.Errorf("%d px: %v", c.side, err)
		}
		if same := bytes.Equal(saved(t, with), saved(t, without)); same == c.want {
			t.Errorf("%d px: with and without the classifier the networks are the same: %v", c.side, same)
		}
	}
}

func TestTrainingStepsAllocateNextToNothing(t *testing.T) {
	data := images(t, 240, 20, 10)
	train := all("sgd")
	train.Epochs = 1
	var from, to runtime.MemStats
	_, err := trainer(t, small, train, data).Run(t.Context(), func(p child.Progress) error {
		switch p.Step {
		case 2:
			runtime.ReadMemStats(&from)
		case 29:
			runtime.ReadMemStats(&to)
		}
		return nil
	})
	// Two closures of 16 bytes restore the thread's treatment of denormals; the runtime may allocate a little more.
	if n := to.TotalAlloc - from.TotalAlloc; err != nil || n > 27*2*16+512 {
		t.Errorf("%d bytes allocated in 27 steps (error %v)", n, err)
	}
}
