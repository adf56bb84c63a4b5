package child_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"nasnet/nas/child"
	"nasnet/nas/space"
)

// sharded is all with its batch of 8 divided into the given number of parts.
func sharded(optimizer string, shards int) child.TrainConfig {
	c := all(optimizer)
	c.Shards = shards
	return c
}

func TestTheNumberOfThreadsChangesNoBit(t *testing.T) {
	data := images(t, 48, 21, 10)
	known, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	net := small
	net.Aux = true
	for _, c := range []struct {
		cell      space.Genotype
		optimizer string
		shards    int
		threads   []int
	}{{tiny(t), "sgd", 2, []int{1, 2}}, {tiny(t), "rmsprop", 4, []int{1, 2, 3, 4, 9}},
		{known.Genotype, "sgd", 2, []int{1, 2}}} {
		train := sharded(c.optimizer, c.shards)
		train.Epochs = 2
		var want child.Result
		var bits []byte
		for _, threads := range c.threads {
			tr, err := child.NewTrainer(c.cell, net, train, data, 5, 7)
			if err != nil {
				t.Fatal(err)
			}
			tr.SetThreads(threads)
			r, err := tr.Run(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if bits == nil {
				want, bits = withoutTimes(r), saved(t, tr)
				continue
			}
			if same := bytes.Equal(saved(t, tr), bits); !same || !reflect.DeepEqual(withoutTimes(r), want) {
				t.Errorf("%s, %s, %d shards: %d threads give %+v, one gives %+v; equal weights: %v", c.cell.Name,
					c.optimizer, c.shards, threads,
					withoutTimes(r), want, same)
			}
		}
	}
}

func TestShardsStopAndContinueWithAnotherNumberOfThreads(t *testing.T) {
	data := images(t, 60, 21, 10)
	straight := trainer(t, small, sharded("sgd", 2), data, 7)
	straight.SetThreads(1)
	want, err := straight.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	var stored []byte
	first := trainer(t, small, sharded("sgd", 2), data, 7)
	first.SetThreads(2)
	if _, err = first.Run(t.Context(), func(p child.Progress) error {
		if p.EpochEnd != nil && p.EpochEnd.Epoch == 2 {
			stored = state(t, first)
			return stop
		}
		return nil
	}); !errors.Is(err, stop) {
		t.Fatalf("error %v, want that of report", err)
	}
	second := trainer(t, small, sharded("sgd", 2), data, 7)
	second.SetThreads(1)
	if err := second.Restore(stored); err != nil {
		t.Fatal(err)
	}
	for name, tr := range map[string]*child.Trainer{"restored": second, "continued": first} {
		if got, err := tr.Run(t.Context(), nil); err != nil || !reflect.DeepEqual(withoutTimes(got),
			withoutTimes(want)) || !bytes.Equal(saved(t, tr), saved(t, straight)) {
			t.Errorf("%s: result %+v (error %v), want %+v", name, withoutTimes(got), err, withoutTimes(want))
		}
	}
	err = trainer(t, small, all("sgd"), data, 7).Restore(stored)
	if err == nil || !strings.HasSuffix(err.Error(), "train.shards 2, here 1") {
		t.Errorf("a training with one shard loaded the state of one with two: error %v", err)
	}
}

// Evaluation uses no batch statistics, so shards judge as one network does, except for the last bits of products of
// other sizes.
func TestShardsJudgeAsOneNetworkDoes(t *testing.T) {
	for _, n := range []int{37, 3, 16} {
		data := images(t, 60, n, 10)
		// with the same weights
		fresh := func(shards int) *child.Trainer { return trainer(t, small, sharded("sgd", shards), data) }
		wantLoss, wantAcc, err := fresh(1).Evaluate(t.Context(), data.Val)
		if err != nil {
			t.Fatal(err)
		}
		two := fresh(2)
		if loss, acc, err := two.Evaluate(t.Context(), data.Val); err != nil ||
			math.Abs(loss-wantLoss) > 1e-6*wantLoss || acc != wantAcc {
			t.Errorf("%d images: loss %v, accuracy %v of two shards (error %v); %v, %v of one", n, loss, acc, err,
				wantLoss, wantAcc)
		}
		r, err := two.Run(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		if err := two.Save(&file); err != nil {
			t.Fatal(err)
		}
		m, err := child.Load(&file)
		if err != nil || m.Train.Shards != 2 {
			t.Fatalf("a model trained in %d shards (error %v)", m.Train.Shards, err)
		}
		want := r.Epochs[3].ValLoss
		if loss, acc, err := m.Evaluate(t.Context(), data.Val); err != nil || math.Abs(loss-want) > 1e-5*want ||
			acc != r.Reward {
			t.Errorf("%d images: the saved model has loss %v, accuracy %v (error %v); want %v, %v", n, loss, acc, err,
				want, r.Reward)
		}
	}
}

// Shards see what one network sees except in batch normalisation, so they learn the same problem about as well.
func TestAShardedChildLearns(t *testing.T) {
	data := images(t, 240, 80, 10)
	r, err := trainer(t, small, child.TrainConfig{Epochs: 4, Batch: 16, LR: 0.1, Momentum: 0.9, Clip: 5,
		WeightDecay: 5e-4, Shards: 2}, data).Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if first, last := r.Epochs[0], r.Epochs[3]; r.Reward < 0.7 || last.TrainLoss > first.TrainLoss/2 {
		t.Errorf("reward %v; first epoch %+v, last %+v", r.Reward, first, last)
	}
}

func TestAPanicInAShardIsAnErrorAndLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, threads := range []int{1, 2, 4} {
		data := images(t, 80, 40, 10)
		broken := *data.Train
		broken.Index = slices.Clone(broken.Index)
		broken.Index[17] = 1 << 20
		data.Train = &broken
		tr := trainer(t, small, sharded("sgd", 4), data)
		tr.SetThreads(threads)
		_, err := tr.Run(t.Context(), nil)
		var p *child.PanicError
		if !errors.As(err, &p) || !strings.Contains(err.Error(), "out of range") ||
			!strings.Contains(err.Error(), "dataset.(*View).Batch") {
			t.Errorf("%d threads: error %v, want a panic with its stack", threads, err)
		}
		fine := trainer(t, small, sharded("sgd", 4), images(t, 40, 20, 10))
		fine.SetThreads(threads)
		if _, _, err := fine.Evaluate(t.Context(), images(t, 40, 20, 10).Val); err != nil {
			t.Error(err)
		}
		stop := errors.New("stop")
		if _, err := fine.Run(t.Context(), func(child.Progress) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("%d threads: error %v, want that of report", threads, err)
		}
	}
	// a goroutine may have reported that it is done and still be exiting
	for i := 0; runtime.NumGoroutine() > before; i++ {
		if i == 100 {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestShardedStepsAllocateNextToNothing(t *testing.T) {
	data := images(t, 240, 20, 10)
	train := sharded("sgd", 2)
	train.Epochs = 1
	tr := trainer(t, small, train, data)
	tr.SetThreads(2)
	var at []uint64 // bytes allocated so far
	goroutines := 0
	_, err := tr.Run(t.Context(), func(p child.Progress) error {
		switch p.Step {
		case 2, 11, 20, 29:
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			at = append(at, m.TotalAlloc)
			if p.Step == 2 {
				goroutines = runtime.NumGoroutine()
			}
			if n := runtime.NumGoroutine(); n > goroutines {
				t.Errorf("%d goroutines after %d steps, %d after 2", n, p.Step, goroutines)
			}
		}
		return nil
	})
	if err != nil || len(at) != 4 {
		t.Fatalf("measured %d times, error %v", len(at), err)
	}
	// The runtime allocates too, 5 KB for a new thread, but not in all three spans of nine steps.
	if n := min(at[1]-at[0], at[2]-at[1], at[3]-at[2]); n > 512 {
		t.Errorf("%d bytes allocated in nine steps", n)
	}
}

func TestShardsShareMemoryWithLaterChildren(t *testing.T) {
	data := images(t, 40, 20, 10)
	run := func(m *child.Buffers, shards int) []byte {
		tr := trainer(t, small, sharded("sgd", shards), data)
		if m != nil {
			tr.Use(m)
		}
		if _, err := tr.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		return saved(t, tr)
	}
	var m child.Buffers
	want := [][]byte{run(nil, 1), run(nil, 2)}
	size := int64(0)
	for i, shards := range []int{2, 1, 2, 1} {
		if !bytes.Equal(run(&m, shards), want[shards-1]) {
			t.Errorf("child %d, %d shards: the result differs in memory that others had used", i, shards)
		}
		if i == 1 {
			size = m.Bytes()
		}
	}
	if m.Bytes() != size {
		t.Errorf("the memory grew from %d to %d bytes", size, m.Bytes())
	}
	if bytes.Equal(want[0], want[1]) {
		t.Error("two shards, which normalise half a batch each, gave the network of one")
	}
}

func TestShardsThatDoNotDivideTheBatchAreRefused(t *testing.T) {
	for _, c := range []struct {
		batch, shards int
		fine          bool
	}{{8, 1, true}, {8, 2, true}, {8, 4, true}, {8, 8, false}, {8, 3, false}, {9, 3, true}, {8, -1, false},
		{8, 16, false}} {
		err := child.TrainConfig{Epochs: 1, Batch: c.batch, LR: 0.1, Shards: c.shards}.Validate()
		if (err == nil) != c.fine || err != nil && !strings.Contains(err.Error(), "shards is") {
			t.Errorf("batch %d in %d shards: error %v", c.batch, c.shards, err)
		}
	}
	for batch, want := range map[int]int{2: 1, 63: 1, 64: 2, 65: 1, 66: 2, 128: 2} {
		if got := child.DefaultShards(batch); got != want {
			t.Errorf("batch %d: %d shards by default, want %d", batch, got, want)
		}
	}
}
