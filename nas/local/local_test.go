package local

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// Images of retrains stay in memory while a child trains on them, or until others are read; images of the search stay
// forever.
func TestUnusedImagesAreDropped(t *testing.T) {
	l := New(nil)
	at := func(side int) nas.DataSpec {
		return nas.DataSpec{Name: "synthetic", Image: side, TrainImages: 32, ValImages: 16, Seed: 1}
	}
	read := func(side int) {
		t.Helper()
		if v, d, err := l.Views(t.Context(), at(side)); err != nil || d.Train.H != side || v.Train.Len() != 32 {
			t.Fatalf("at %d px: %v", side, err)
		}
	}
	kept := func(want ...int) {
		t.Helper()
		var data, views []int
		for k := range maps.Keys(l.data) {
			data = append(data, k.image)
		}
		for s := range maps.Keys(l.views) {
			views = append(views, s.Image)
		}
		slices.Sort(data)
		slices.Sort(views)
		if !slices.Equal(data, want) || !slices.Equal(views, want) {
			t.Errorf("images of %v px are kept, views of %v; want %v", data, views, want)
		}
	}
	read(8)
	read(10)
	read(8)
	kept(8, 10)
	read(12)
	kept(8, 12)
	_, used, err := l.use(t.Context(), at(12))
	if err != nil {
		t.Fatal(err)
	}
	read(14)
	read(16)
	kept(8, 12, 16)
	l.leave(used)
	read(14)
	kept(8, 14)
}

// A search on images at their own size reads them once, and its children find them.
func TestImagesAtTheirOwnSideAreReadOnce(t *testing.T) {
	l := New(nil)
	c := nas.Config{Images: nas.Images{Data: "synthetic", TrainImages: 32, ValImages: 16}, Seed: 1}
	d, err := l.Prepare(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	v, again, err := l.Views(t.Context(), c.DataSpec())
	if err != nil || again != d || v.Train.Len() != 32 || len(l.data) != 1 || !l.data[keyOf(c.DataSpec())].first {
		t.Errorf("%d data sets are kept, the children use the first: %v (error %v)", len(l.data),
			again == d, err)
	}
}

// A network that needs more memory than the machine has is refused before it is built.
func TestALocalChildIsMeasuredBeforeItIsBuilt(t *testing.T) {
	l, c := New(NewMemory(1<<30)), nas.Config{Images: nas.Images{Data: "synthetic", TrainImages: 64, ValImages: 32},
		Seed: 1, Setup: child.Setup{Net: child.NetConfig{N: 1, Filters: 2, Image: 8},
			Train: child.TrainConfig{Epochs: 1, Batch: 16, LR: 0.05}}}
	if _, err := l.Prepare(t.Context(), &c); err != nil {
		t.Fatal(err)
	}
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	j := nas.Job{Genotype: k.Genotype, Data: c.DataSpec(), Net: c.Net, Train: c.Train}
	n, err := l.bytes(t.Context(), j)
	if err != nil || n < 100<<10 || n > 100<<20 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	v, _, err := l.Views(t.Context(), j.Data)
	if err != nil {
		t.Fatal(err)
	}
	tr, err := child.NewTrainer(j.Genotype, c.Net, c.Train, v, 1)
	if err != nil || tr.Bytes() != n {
		t.Errorf("the trainer needs %d bytes, %v; the evaluator estimated %d", tr.Bytes(), err, n)
	}
	c.Net.Filters, c.Net.N = 1<<14, 20 // terabytes
	j.Net = c.Net
	var most *nas.MemoryError
	if release, err := l.Reserve(t.Context(), j, nil); !errors.As(err, &most) || release != nil ||
		most.Allowed != 1<<30 || most.Wanted < 1<<40 {
		t.Errorf("a network of terabytes: %v", err)
	}
	if err := l.Fits(t.Context(), j); !errors.As(err, &most) {
		t.Errorf("a network of terabytes fits: %v", err)
	}
}

func TestImagesThatDoNotFitAreNotRead(t *testing.T) {
	big := nas.Job{Alone: true, Data: nas.DataSpec{Name: "cifar10", Dir: t.TempDir(), Image: 1 << 20}}
	if _, err := New(nil).bytes(t.Context(), big); err == nil ||
		!strings.Contains(err.Error(), "the images of cifar10 at 1048576 px need") {
		t.Error(err)
	}
}

// A child that waits for a data set gives signs of life while another one reads it, and obeys a cancellation.
func TestWaitingForADataSetCountsAsProgress(t *testing.T) {
	errStalled, patience := errors.New("stalled"), 10*time.Minute
	synctest.Test(t, func(t *testing.T) {
		l, spec := New(nil), nas.DataSpec{Name: "synthetic", Image: 8}
		x := &loading{over: make(chan struct{}), data: new(dataset.Data)}
		l.data[dataKey{spec.Name, spec.Dir, spec.Image}] = x
		signs := 0
		go func() {
			for range patience / time.Second {
				time.Sleep(time.Second)
				x.signs.Add(1)
			}
			close(x.over)
		}()
		d, err := l.load(nas.WithBeat(t.Context(), func() { signs++ }), spec)
		if err != nil || d != x || signs < 4 {
			t.Errorf("%v, %v after %d signs of life in %v", d, err, signs, patience)
		}
		x.over = make(chan struct{})
		signs = 0
		hung, end := context.WithTimeoutCause(t.Context(), patience, errStalled)
		defer end()
		if _, err := l.load(nas.WithBeat(hung, func() { signs++ }), spec); !errors.Is(err, errStalled) || signs > 1 {
			t.Errorf("behind a reader that hangs: %v, after %d signs of life", err, signs)
		}
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errStalled)
		defer cancel()
		if _, err := l.load(ctx, spec); !errors.Is(err, errStalled) {
			t.Errorf("waiting ended with %v", err)
		}
	})
}

// A retrain depends only on its settings and its seed, not on its number, and equals nasnet train.
func TestARetrainEqualsNasnetTrain(t *testing.T) {
	spec := nas.RetrainSpec{Data: nas.DataSpec{Name: "synthetic", Image: 8, TrainImages: 64, ValImages: 32, Seed: 1},
		Setup: child.Setup{Net: child.NetConfig{N: 1, Filters: 2, Image: 8},
			Train: child.TrainConfig{Epochs: 2, Batch: 16, LR: 0.05, Momentum: 0.9,
				DropPath: child.DropPath{Mode: "linear", Prob: 0.3}, Augment: child.Augment{Pad: 1}}}, Seed: 5}
	known, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	g := known.Genotype
	local := New(nil)
	views, d, err := local.Views(t.Context(), spec.Data)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := child.NewTrainer(g, netFor(spec.Net, d), spec.Train, views, spec.Seed)
	if err != nil {
		t.Fatal(err)
	}
	want, err := trainer.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []int{nas.FirstManual, nas.FirstManual + 7} {
		var got []child.EpochResult
		o, err := local.Evaluate(t.Context(), spec.Job(id, g), func(s nas.Step) error {
			if s.EpochEnd != nil {
				got = append(got, *s.EpochEnd)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i].Seconds = want.Epochs[i].Seconds // only the time may differ
		}
		if !reflect.DeepEqual(got, want.Epochs) || o.Reward != want.Reward {
			t.Errorf("retrain %s gives %v %+v, nasnet train %v %+v", nas.TrialLabel(id), o.Reward, got,
				want.Reward, want.Epochs)
		}
	}
}
