package experiment

import (
	"context"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/local"
	"nasnet/nas/space"
)

// trainings are real networks on synthetic images, small enough to train in milliseconds.
func trainings(t *testing.T, seeds int) (ts []Training) {
	t.Helper()
	for _, text := range []string{"normal=h.s3+p.i reduction=h.s3+p.a3", "normal=h.m3+p.i reduction=h.m3+p.a3"} {
		g, err := space.ParseText(text)
		if err != nil {
			t.Fatal(err)
		}
		for seed := range seeds {
			ts = append(ts, Training{Name: text[7:11], Rung: "only", Genotype: g,
				Data:  nas.DataSpec{Name: "synthetic", Image: 8, TrainImages: 64, ValImages: 32, Seed: 1},
				Net:   child.NetConfig{N: 1, Filters: 4},
				Train: child.TrainConfig{Epochs: 3, Batch: 16, LR: 0.05, Momentum: 0.9}, Seed: uint64(seed)})
		}
	}
	return ts
}

func rowsOf(t *testing.T, g *Grid, ts []Training) (rows []Row) {
	t.Helper()
	for _, x := range ts {
		r, ok := g.Row(x)
		if !ok {
			t.Fatalf("%s seed %d has no row", x.Name, x.Seed)
		}
		r.Seconds = 0
		rows = append(rows, r)
	}
	return rows
}

func TestAnInterruptedGridEndsWithTheSameRows(t *testing.T) {
	ts, dir := trainings(t, 3), t.TempDir()
	whole, err := Open(filepath.Join(dir, "whole.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	events := 0
	if err := whole.Run(t.Context(), local.New(nil), ts, 2, func(e Event) {
		if events++; e.All != len(ts) {
			t.Errorf("%d trainings, want %d", e.All, len(ts))
		}
	}); err != nil {
		t.Fatal(err)
	}
	if events != len(ts)*(3+1) {
		t.Errorf("%d events; want one per epoch and one per training, %d", events, len(ts)*4)
	}
	want := rowsOf(t, whole, ts)

	path, stop := filepath.Join(dir, "cut.jsonl"), errors.New("stop")
	for at := 1; ; at++ { // the process ends after more and more epochs
		g, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		n := 0
		err = g.Run(ctx, local.New(nil), ts, 1, func(Event) {
			if n++; n > at {
				cancel(stop)
			}
		})
		if err == nil {
			if got := rowsOf(t, g, ts); !slices.Equal(got, want) {
				t.Errorf("rows %+v\nwant %+v", got, want)
			}
			break
		}
		if !errors.Is(err, stop) {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			t.Fatal(err)
		}
		f.WriteString(`{"key":"cut o`) // as after a crash
		f.Close()
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.state"))
	if err != nil || len(left) != 0 {
		t.Errorf("checkpoints of finished trainings are left: %v, error %v", left, err)
	}
}

// cuts is an evaluator that gives a state after every epoch and simulates a crash in the second.
type cuts struct {
	nas.Evaluator
	mu   sync.Mutex
	from []int // epochs in each training's starting state
}

func (c *cuts) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	first := true
	return c.Evaluator.Evaluate(ctx, j, func(s nas.Step) error {
		if first {
			c.mu.Lock()
			c.from = append(c.from, s.Epoch)
			c.mu.Unlock()
		}
		first = false
		return report(s)
	})
}

func TestAHalfTrainedNetworkContinuesFromItsCheckpoint(t *testing.T) {
	ts := trainings(t, 1)[:1]
	g, err := Open(filepath.Join(t.TempDir(), "g.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	local := local.New(nil)
	// A state after the second epoch, as an interrupted run leaves it.
	if _, err := local.Evaluate(t.Context(), nas.Job{Genotype: ts[0].Genotype, Data: ts[0].Data, Net: ts[0].Net,
		Train: ts[0].Train, Seed: ts[0].Seed, Alone: true}, func(s nas.Step) error {
		if s.EpochEnd != nil && s.EpochEnd.Epoch == 2 {
			b, err := s.State()
			if err != nil {
				return err
			}
			return writeWhole(g.statePath(ts[0]), b)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c := &cuts{Evaluator: local}
	if err := g.Run(t.Context(), c, ts, 1, func(Event) {}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.from, []int{2}) {
		t.Errorf("the training started after %v epochs; want 2", c.from)
	}

	damaged := trainings(t, 2)[1:2]
	if err := writeWhole(g.statePath(damaged[0]), []byte("no state")); err != nil {
		t.Fatal(err)
	}
	var notes []string
	if err := g.Run(t.Context(), local, damaged, 1, func(e Event) {
		if e.Note != "" {
			notes = append(notes, e.Note)
		}
	}); err != nil || len(notes) != 1 {
		t.Errorf("a damaged state: error %v, notes %q; want the training to start over, and a note", err, notes)
	}
}

func TestATrainingThatDivergesMakesARow(t *testing.T) {
	ts := trainings(t, 1)
	ts[0].Train.LR, ts[0].Train.Clip = 1e30, 0
	path := filepath.Join(t.TempDir(), "g.jsonl")
	g, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context(), local.New(nil), ts, 2, func(Event) {}); err != nil {
		t.Fatal(err)
	}
	again, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(t, again, ts)
	if !strings.Contains(rows[0].Failed, "diverged") || rows[1].Failed != "" {
		t.Errorf("rows %+v; want the first failed, the second not", rows)
	}
}

// A data set whose images have changed has no results yet, whatever the file contains.
func TestResultsOfOtherImagesDoNotCount(t *testing.T) {
	ts := trainings(t, 1)
	path := filepath.Join(t.TempDir(), "g.jsonl")
	for _, r := range []struct {
		images    string
		stale, do int // stale results, trainings done
	}{{"aa", 0, 2}, {"aa", 0, 0}, {"", 0, 0}, {"bb", 2, 2}, {"bb", 0, 0}} {
		g, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		g.Images = r.images
		stale, done := g.Stale(ts), 0
		if err := g.Run(t.Context(), local.New(nil), ts, 2, func(e Event) {
			if e.Row != nil {
				done++
			}
		}); err != nil {
			t.Fatal(err)
		}
		if stale != r.stale || done != r.do || len(rowsOf(t, g, ts)) != 2 {
			t.Errorf("on images %q: %d stale results, %d trainings; want %d and %d", r.images, stale, done,
				r.stale, r.do)
		}
	}
}

// Trainings wait until they fit into memory; one that can never fit is an error.
func TestTrainingsShareMemory(t *testing.T) {
	ts := trainings(t, 2)
	views, _, err := local.New(nil).Views(t.Context(), ts[0].Data)
	if err != nil {
		t.Fatal(err)
	}
	net := ts[0].Net
	net.Image = ts[0].Data.Image
	tr, err := child.NewTrainer(ts[0].Genotype, net, ts[0].Train, views, 1)
	if err != nil {
		t.Fatal(err)
	}
	e := local.New(local.NewMemory(tr.Bytes() * 3 / 2))
	most := &busiest{Evaluator: e, Reserver: e}
	g, err := Open(filepath.Join(t.TempDir(), "g.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context(), most, ts, 4, func(Event) {}); err != nil || most.most.Load() != 1 {
		t.Errorf("%d trainings at a time in memory for one and a half, error %v", most.most.Load(), err)
	}
	rowsOf(t, g, ts)
	if g, err = Open(filepath.Join(t.TempDir(), "small.jsonl")); err != nil {
		t.Fatal(err)
	}
	ts[1].Net.Filters *= 4
	var wanted *nas.MemoryError
	begun := 0
	if err := g.Run(t.Context(), e, ts, 2, func(Event) { begun++ }); !errors.As(err, &wanted) || begun > 0 {
		t.Errorf("a small one and one that can never fit: %v, after %d events", err, begun)
	}
}

// busiest records the largest number of trainings at a time.
type busiest struct {
	nas.Evaluator
	nas.Reserver
	now, most atomic.Int64
}

func (b *busiest) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	n := b.now.Add(1)
	defer b.now.Add(-1)
	for most := b.most.Load(); n > most && !b.most.CompareAndSwap(most, n); most = b.most.Load() {
	}
	return b.Evaluator.Evaluate(ctx, j, report)
}

func TestAFileThatIsNotAnExperimentIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.jsonl")
	for _, text := range []string{"hello\n", "{}\n", `{"key":1}` + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "line 1 is not a row") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func TestAFileWithoutLinesIsNotEmptied(t *testing.T) {
	path := filepath.Join(t.TempDir(), "g.jsonl")
	for text, want := range map[string]string{
		`{"model":"mine"}`: `the last line is not a row of an experiment: "{\"model\"`,
		"\x89PNG":          "the last line is not a row", `{"key":"ab`: "", `{"k`: ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		b, _ := os.ReadFile(path)
		if want == "" && (err != nil || len(b) > 0) {
			t.Errorf("%q: error %v, and %q is left; want the incomplete line removed", text, err, b)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want) || string(b) != text) {
			t.Errorf("%q: error %v, and %q is left", text, err, b)
		}
	}
}

func TestRankCorrelations(t *testing.T) {
	if got, want := ranks([]float64{3, 1, 3, 2}), []float64{3.5, 1, 3.5, 2}; !slices.Equal(got, want) {
		t.Errorf("ranks %v, want %v", got, want)
	}
	x := []float64{1, 2, 3, 4, 5, 6, 7, 8}
	for name, c := range map[string]struct {
		y    []float64
		want float64
	}{
		"a rising curve":  {[]float64{1, 4, 9, 16, 25, 36, 49, 64}, 1},
		"a falling one":   {[]float64{8, 7, 6, 5, 4, 3, 2, 1}, -1},
		"textbook (6Σd²)": {[]float64{2, 1, 4, 3, 6, 5, 8, 7}, 1 - 6*8.0/(8*63)},
	} {
		got, ok := rankCorrelation(x, c.y)
		if !ok || math.Abs(got.Value-c.want) > 1e-12 || got.Low > got.Value || got.High < got.Value || got.N != 8 {
			t.Errorf("%s: %+v, want %v", name, got, c.want)
		}
	}
	if _, ok := rankCorrelation(x, []float64{1, 1, 1, 1, 1, 1, 1, 1}); ok {
		t.Error("equal values gave a rank correlation")
	}
	if _, ok := rankCorrelation(x[:2], x[:2]); ok {
		t.Error("two pairs gave a rank correlation")
	}
	// x and y both follow z: they correlate, but not given z.
	z := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	noise := []float64{1, -1, 1, -1, -1, 1, -1, 1, 1, -1, -1, 1, 1, -1, 1, -1}
	var a, b []float64
	for i, v := range z {
		a, b = append(a, v+3*noise[i]), append(b, v+3*noise[(i*5+3)%16])
	}
	plain, _ := rankCorrelation(a, b)
	partial, ok := partialCorrelation(a, b, z)
	if !ok || plain.Value < 0.5 || math.Abs(partial.Value) > 0.45 {
		t.Errorf("plain %+v, partial %+v", plain, partial)
	}
}

func TestALadderSaysHowTheSearchsBestDid(t *testing.T) {
	g := &Grid{rows: map[string]Row{}}
	l := Ladder{Rungs: []Rung{{Name: "r"}}, Seeds: []uint64{1, 2}}
	for i, c := range []struct {
		name, baseline   string
		reward, accuracy float64
	}{{"a", "", 0.9, 0.80}, {"b", "", 0.8, 0.85}, {"c", "", 0.7, 0.70}, {"n", "known", 0, 0.99}} {
		l.Candidates = append(l.Candidates, Candidate{Name: c.name, Reward: c.reward, Baseline: c.baseline})
		for k, seed := range l.Seeds {
			b := space.Block{Op1: "identity", Op2: "identity", Combine: "add", In1: i % 2, In2: i / 2}
			x := Training{Name: c.name, Rung: "r", Seed: seed,
				Genotype: space.Genotype{Name: c.name, Normal: space.Cell{Blocks: []space.Block{b}}}}
			l.Candidates[i].Genotype = x.Genotype
			g.rows[x.key()] = Row{Key: x.key(), Accuracy: c.accuracy + 0.02*(float64(k)-0.5), MAdds: int64(100 - i)}
		}
	}
	r := l.Results(g)[0]
	if names := []string{r.Standings[0].Name, r.Standings[1].Name, r.Standings[2].Name,
		r.Standings[3].Name}; !slices.Equal(names, []string{"n", "b", "a", "c"}) {
		t.Errorf("order %v", names)
	}
	if s := r.Standings[1]; math.Abs(s.Mean-0.85) > 1e-12 || math.Abs(s.SD-0.02/math.Sqrt2) > 1e-12 || s.Place != 2 {
		t.Errorf("standing %+v", s)
	}
	if want := "winner's curse: the search's best, a, is number 2 of 3 here, 5.00 points behind b, which was number " +
		"2 of them in the search"; r.Curse != want {
		t.Errorf("%q, want %q", r.Curse, want)
	}
	if r.Reward == nil || r.Reward.Value != 0.5 || r.MAdds.Value != 0.5 {
		t.Errorf("correlations %+v, %+v; want 0.5: the baseline has no reward", r.Reward, r.MAdds)
	}
}

// In a tie nobody wins, whichever comes first.
func TestATieIsNoWinnersCurse(t *testing.T) {
	r := Result{Standings: []Standing{{Candidate: Candidate{Name: "b", Reward: 0.8}, Accuracy: []float64{0.7},
		Mean: 0.7}, {Candidate: Candidate{Name: "a", Reward: 0.9}, Accuracy: []float64{0.7}, Mean: 0.7}}}
	if r.judge(); r.Curse != "none of the 2 beats the search's best, a" {
		t.Errorf("%q", r.Curse)
	}
}

// A run stores the absolute path of a retrain's folder.
func TestATrainingOnAFolderIsKnownByAnyPathToIt(t *testing.T) {
	known, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	path, err := filepath.Abs("pics")
	if err != nil {
		t.Fatal(err)
	}
	spec := nas.RetrainSpec{Data: nas.DataSpec{Name: path, Image: 8, Test: true},
		Setup: child.Setup{Net: child.NetConfig{N: 1, Filters: 4},
			Train: child.TrainConfig{Epochs: 1, Batch: 8, LR: 0.1}}}
	has := []nas.TrialView{{State: nas.Done, Origin: nas.Origin{Genotype: known.Genotype, Retrain: &spec}}}
	for name, want := range map[string]bool{"pics": true, "./pics": true, path: true, "../pics": false,
		"cifar10": false} {
		asked := spec
		asked.Data.Name = name
		if got := HasTraining(has, known.Genotype, asked); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestArmsArePairedBySeed(t *testing.T) {
	d := DropPaths{Seeds: []uint64{1, 2, 3, 4}}
	g := &Grid{rows: map[string]Row{}}
	for _, a := range Arms[:2] {
		for _, seed := range d.Seeds {
			x := d.training(a, seed)
			acc := 0.5 + 0.1*float64(seed)
			if a == Arms[1] {
				acc += 0.01
			}
			g.rows[x.key()] = Row{Key: x.key(), Accuracy: acc, TrainAcc: 1}
		}
	}
	r := d.Results(g)
	if r[0].Gain != nil || r[1].Gain == nil || math.Abs(r[1].Gain.Value-0.01) > 1e-12 ||
		r[1].Gain.High-r[1].Gain.Low > 1e-9 {
		t.Errorf("gains %+v and %+v; seeds differ by 0.1, arms by 0.01", r[0].Gain, r[1].Gain)
	}
	if r[1].OverConstant != nil || r[0].OverConstant == nil || math.Abs(r[0].OverConstant.Value+0.01) > 1e-12 ||
		Arms[constant].DropPath.Mode != "constant" || Arms[none].DropPath.Mode != "none" {
		t.Errorf("gains over constant %+v and %+v; want -0.01 and none", r[0].OverConstant, r[1].OverConstant)
	}
	if r[1].SD < 0.1 || len(r[2].Accuracy) != 0 {
		t.Errorf("%+v", r)
	}
	if len(d.Trainings()) != len(Arms)*4 || d.Trainings()[0].Seed != d.Trainings()[len(Arms)-1].Seed {
		t.Error("trainings go seed by seed")
	}
}

// retrainOf returns a retrain of one of a few cells.
func retrainOf(t *testing.T, id, cell, filters int, seed uint64, state nas.State, accuracy,
	reward float64) nas.TrialView {
	t.Helper()
	op := []string{"s3", "s5", "s7", "a3", "m3"}[cell]
	g, err := space.ParseText("normal=h." + op + "+p.i reduction=h.s3+p.a3")
	if err != nil {
		t.Fatal(err)
	}
	v := nas.TrialView{ID: id, State: state, Origin: nas.Origin{Kind: nas.Retrained, Genotype: g, Cell: g.ShortHash(),
		Retrain: &nas.RetrainSpec{Data: nas.DataSpec{Name: "synthetic", Image: 8, Dir: "/somewhere"},
			Setup: child.Setup{Net: child.NetConfig{N: 1, Filters: filters, Image: 8},
				Train: child.TrainConfig{Epochs: 3, Batch: 64}}, Seed: seed}},
		Result: nas.Result{HasReward: state == nas.Done, Reward: accuracy, MAdds: int64(100 - cell)}}
	if reward > 0 {
		v.Found = &nas.Found{Trial: cell, Kind: []nas.Kind{nas.Sampled, nas.Random, nas.Submitted, nas.Sampled,
			nas.Sampled}[cell], Reward: reward}
	}
	return v
}

func TestTheLadderOfARunsRetrains(t *testing.T) {
	list := []nas.TrialView{ // newest first
		retrainOf(t, 20, 0, 8, 1, nas.Running, 0, 0.9),
		retrainOf(t, 19, 0, 4, 2, nas.Done, 0.82, 0.9),
		retrainOf(t, 18, 4, 4, 1, nas.Stopped, 0, 0.5),
		retrainOf(t, 17, 3, 4, 1, nas.Failed, 0, 0.6),
		retrainOf(t, 16, 2, 4, 1, nas.Done, 0.70, 0.7),
		retrainOf(t, 15, 1, 4, 1, nas.Done, 0.85, 0.8),
		retrainOf(t, 14, 0, 4, 1, nas.Running, 0, 0.9), // the same again; it must not hide the result
		retrainOf(t, 13, 0, 4, 1, nas.Done, 0.80, 0.9),
	}
	plain := Baselines()[1].Genotype
	known := retrainOf(t, 12, 0, 4, 1, nas.Done, 0.99, 0)
	known.Genotype, known.Cell = plain, plain.ShortHash()
	list = append(list, known)
	list[0].Retrain.Train.Shards = 2   // what the batch size implies
	list[1].Retrain.Data.Dir = "/else" // the same images
	list[2].Retrain.Train.LR = 9       // another rung of the same name, with only a stopped retrain
	list[4].Retrain.Train.Shards = 2   // the default, recorded
	got := OfRetrains(list)
	if len(got) != 2 || got[0].Rung.Name != "synthetic at 8 px, N=1 F=8, 3 epochs" ||
		got[1].Rung.Name != "synthetic at 8 px, N=1 F=4, 3 epochs" {
		t.Fatalf("rungs %+v", got)
	}
	if s := got[0].Standings; len(s) != 1 || s[0].Open != 1 || len(s[0].Accuracy) != 0 || got[0].Reward != nil ||
		got[0].Curse != "" {
		t.Errorf("a rung under way: %+v", got[0])
	}
	r := got[1]
	var names []string
	for _, s := range r.Standings {
		names = append(names, s.Name)
	}
	if want := []string{"all-sep3x3", "trial 1", "trial 0", "trial 2", "trial 3"}; !slices.Equal(names, want) {
		t.Fatalf("order %v; want %v", names, want)
	}
	if s := r.Standings[2]; !slices.Equal(s.Accuracy, []float64{0.80, 0.82}) || math.Abs(s.Mean-0.81) > 1e-12 ||
		!slices.Equal(s.Trials, []int{13, 19}) || s.Open != 0 || s.Found == nil || s.Found.Trial != 0 {
		t.Errorf("two seeds, one of them twice: %+v", s)
	}
	if s := r.Standings[0]; s.Baseline == "" || s.Reward != 0 || s.Kind != "" || s.Is() != s.Baseline {
		t.Errorf("a baseline: %+v", s)
	}
	for i, want := range map[int]string{1: "random cell", 2: "", 3: "made by hand"} {
		if s := r.Standings[i]; s.Is() != want || s.Kind != s.Found.Kind || s.Baseline != "" {
			t.Errorf("%s is %q, of kind %q; want %q of the kind %q", s.Name, s.Is(), s.Kind, want, s.Found.Kind)
		}
	}
	if r.Reward == nil || r.Reward.N != 3 || r.Reward.Value != 0.5 ||
		!strings.Contains(r.Curse, "trial 0, is number 2 of 3") {
		t.Errorf("says %+v, %q", r.Reward, r.Curse)
	}
	var others []nas.TrialView
	for i, change := range []func(*nas.RetrainSpec){func(s *nas.RetrainSpec) { s.Train.LR = 7 },
		func(s *nas.RetrainSpec) { s.Train.EMA = 0.9 }, func(s *nas.RetrainSpec) { s.Data.Test = true },
		func(s *nas.RetrainSpec) { s.Train.Whiten = true }} {
		v := retrainOf(t, 30+i, 1, 4, 1, nas.Done, 0.9, 0.8)
		change(v.Retrain)
		others = append([]nas.TrialView{v}, others...)
	}
	test := retrainOf(t, 33, 1, 4, 1, nas.Done, 0.9, 0.8) // on test images, so held-out images do not matter
	test.Retrain.Data.Test, test.Retrain.Data.TrainImages, test.Retrain.Data.Seed, test.Retrain.Net.Channels = true,
		2000, 5, 3
	seen := map[string]bool{}
	for _, r := range OfRetrains(append(append([]nas.TrialView{test}, others...), list...)) {
		if seen[r.Rung.Name] {
			t.Errorf("two rungs have the name %s", r.Rung.Name)
		}
		seen[r.Rung.Name] = true
	}
	if len(seen) != 6 {
		t.Errorf("%d rungs; want 6: %v", len(seen), seen)
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(seen)),
		func(name string) bool { return strings.Contains(name, ", whiten,") }) {
		t.Errorf("no rung name mentions whitening: %v", seen)
	}
	if OfRetrains(nil) != nil {
		t.Error("no retrains gave a ladder")
	}
}
