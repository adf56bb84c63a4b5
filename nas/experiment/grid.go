// Package experiment trains many networks and compares their results: cells at the rungs of a ladder, ways of dropping
// paths, seeds.
//
// A [Grid] keeps finished results in a file, one JSON object per line, and half-trained networks beside it, so an
// interrupted experiment continues where it stopped, bit for bit:
//
//	[]Training ──Grid.Run──▶ FILE (one Row per line) ──Results──▶ ladder, arms
package experiment

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// Training is one network to train and judge.
type Training struct {
	Name     string            `json:"name"` // of the cell or the arm
	Rung     string            `json:"rung"` // its name
	Genotype space.Genotype    `json:"genotype"`
	Data     nas.DataSpec      `json:"data"`
	Net      child.NetConfig   `json:"net"`
	Train    child.TrainConfig `json:"train"`
	Seed     uint64            `json:"seed"`
}

// key identifies what a training computes: its settings, without names and without the folder of the data.
func (t Training) key() string {
	cells := t.Genotype.Normal.Text() + " / " + t.Genotype.Reduction.Text()
	t.Name, t.Rung, t.Data.Dir, t.Genotype = "", "", "", space.Genotype{}
	b, err := json.Marshal(struct {
		Cells string
		Training
	}{cells, t})
	if err != nil {
		panic("experiment: " + err.Error()) // cannot happen: validated settings are finite
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// Row is the result of a training.
type Row struct {
	Key       string  `json:"key"`
	Name      string  `json:"name"`
	Rung      string  `json:"rung"`
	Seed      uint64  `json:"seed"`
	Accuracy  float64 `json:"accuracy"` // after the last epoch, a fraction
	Loss      float64 `json:"loss"`
	TrainAcc  float64 `json:"train_accuracy"`
	TrainLoss float64 `json:"train_loss"`
	Trainable int64   `json:"trainable"`
	MAdds     int64   `json:"madds"`
	Seconds   float64 `json:"seconds"`
	Images    string  `json:"images,omitempty"` // [Grid.Images] at the time of training
	Failed    string  `json:"failed,omitempty"` // why there is no result
}

// Grid is an experiment's file. Set the exported fields before Run.
type Grid struct {
	// SHA-256 of the data set; rows of other images are ignored. Empty: unknown
	Images string

	path string

	mu   sync.Mutex // guards rows and the file
	rows map[string]Row
}

// mostLine limits a line of the file, in bytes.
const mostLine = 1 << 20

// Open reads the finished rows; a file that does not exist has none. It removes an incomplete last line, whose training
// then runs again.
func Open(path string) (*Grid, error) {
	g := &Grid{path: path, rows: map[string]Row{}}
	st, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return g, nil
	} else if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() { // a pipe would block forever, and keeps nothing
		return nil, fmt.Errorf("%s is not a regular file; want one, to keep the results", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	whole := bytes.LastIndexByte(b, '\n') + 1
	lines := bufio.NewScanner(bytes.NewReader(b[:whole]))
	lines.Buffer(nil, mostLine)
	for n := 1; lines.Scan(); n++ {
		var r Row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil || r.Key == "" {
			return nil, fmt.Errorf("%s: line %d is not a row of an experiment: %.60q", path, n, lines.Text())
		}
		g.rows[r.Key] = r
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if rest, begins := string(b[whole:]), `{"key":`; !strings.HasPrefix(rest, begins) &&
		!strings.HasPrefix(begins, rest) {
		return nil, fmt.Errorf("%s: the last line is not a row of an experiment: %.60q", path, rest)
	}
	if whole < len(b) {
		return g, os.Truncate(path, int64(whole))
	}
	return g, nil
}

// Row returns the result of a training; ok is false if it has not finished.
func (g *Grid) Row(t Training) (Row, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, ok := g.rows[t.key()]
	if g.other(r) {
		return Row{}, false
	}
	r.Name, r.Rung = t.Name, t.Rung
	return r, ok
}

func (g *Grid) other(r Row) bool { return r.Images != "" && g.Images != "" && r.Images != g.Images }

// Stale counts the trainings with results in the file that come from other images.
func (g *Grid) Stale(all []Training) (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range all {
		if g.other(g.rows[t.key()]) {
			n++
		}
	}
	return n
}

// Event reports the progress of a training.
type Event struct {
	Training
	Epoch *child.EpochResult // set if an epoch ended
	Row   *Row               // set if the training ended
	Note  string             // why a checkpoint was not stored, or not used
	Done  int                // trainings that have ended, of All
	All   int
}

// saveEvery is the least time between two checkpoints of a network.
const saveEvery = 10 * time.Second

// Run runs the unfinished trainings in order, at most workers of them at once. It calls report from one goroutine at a
// time. A training that diverges or panics becomes a row; any other error, such as the end of ctx, ends Run. If a
// training can never fit into memory, Run returns an error before any training starts.
func (g *Grid) Run(ctx context.Context, e nas.Evaluator, all []Training, workers int, report func(Event)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var told sync.Mutex
	done := 0
	tell := func(ev Event) {
		told.Lock()
		defer told.Unlock()
		if ev.Row != nil {
			done++
		}
		ev.Done, ev.All = done, len(all)
		report(ev)
	}
	var open []Training
	queued := map[string]bool{}
	for _, t := range all {
		if _, ok := g.Row(t); ok || queued[t.key()] {
			done++
			continue
		}
		queued[t.key()] = true
		open = append(open, t)
	}
	if err := fit(ctx, e, open); err != nil {
		return err
	}
	next := make(chan Training)
	var pool sync.WaitGroup
	for range max(1, workers) {
		pool.Go(func() {
			for t := range next {
				if err := g.train(ctx, e, t, tell); err != nil {
					cancel(fmt.Errorf("%s, %s, seed %d: %w", t.Name, t.Rung, t.Seed, err))
				}
			}
		})
	}
	for _, t := range open {
		select {
		case next <- t:
		case <-ctx.Done():
		}
	}
	close(next)
	pool.Wait()
	return context.Cause(ctx)
}

// fit returns an error for the first training that can never fit into memory.
func fit(ctx context.Context, e nas.Evaluator, all []Training) error {
	r, ok := e.(nas.Reserver)
	if !ok {
		return nil
	}
	known := map[string]bool{}
	for _, t := range all {
		if known[t.scale()] {
			continue
		}
		known[t.scale()] = true
		if err := r.Fits(ctx, t.job()); err != nil {
			return fmt.Errorf("%s, %s: %w", t.Name, t.Rung, err)
		}
	}
	return nil
}

// scale is equal for trainings that differ only in their seeds.
func (t Training) scale() string {
	t.Seed = 0
	return t.key()
}

func (t Training) job() nas.Job {
	return nas.Job{Genotype: t.Genotype, Data: t.Data, Net: t.Net, Train: t.Train, Seed: t.Seed, Alone: true}
}

// train runs one training and writes its row.
func (g *Grid) train(ctx context.Context, e nas.Evaluator, t Training, tell func(Event)) error {
	job := t.job()
	state := g.statePath(t)
	b, err := os.ReadFile(state)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	job.State = b
	if r, ok := e.(nas.Reserver); ok {
		release, err := r.Reserve(ctx, job, func(nas.Shortage) {})
		if err != nil {
			return err
		}
		defer release()
	}
	var last child.EpochResult
	saved := time.Now()
	step := func(s nas.Step) error {
		if s.EpochEnd == nil {
			return nil
		}
		last = *s.EpochEnd
		tell(Event{Training: t, Epoch: &last})
		if s.State == nil || last.Epoch == s.Epochs || time.Since(saved) < saveEvery {
			return nil
		}
		saved = time.Now()
		b, err := s.State()
		if err != nil {
			return err
		}
		if err := writeWhole(state, b); err != nil { // the next attempt may succeed
			tell(Event{Training: t, Note: fmt.Sprintf("no checkpoint after epoch %d: %v", last.Epoch, err)})
		}
		return nil
	}
	o, err := e.Evaluate(ctx, job, step)
	if errors.Is(err, nas.ErrState) { // damaged, or from another build
		tell(Event{Training: t, Note: err.Error()})
		job.State = nil
		o, err = e.Evaluate(ctx, job, step)
	}
	row := Row{Key: t.key(), Name: t.Name, Rung: t.Rung, Seed: t.Seed, Accuracy: o.Reward, Loss: last.ValLoss,
		TrainAcc: last.TrainAcc, TrainLoss: last.TrainLoss,
		Trainable: o.Cost.Trainable, MAdds: o.Cost.MAdds, Seconds: o.Seconds, Images: g.Images}
	var panicked *child.PanicError
	switch {
	case errors.Is(err, child.ErrDiverged) || errors.As(err, &panicked):
		row.Failed = err.Error()
	case err != nil:
		return err
	}
	if err := g.keep(row); err != nil {
		return err
	}
	if err := os.Remove(state); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	tell(Event{Training: t, Row: &row})
	return nil
}

// keep appends a row to the file.
func (g *Grid) keep(r Row) (err error) {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	f, err := os.OpenFile(g.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(append(b, '\n')); err != nil {
		return err
	}
	g.rows[r.Key] = r
	return f.Sync()
}

func (g *Grid) statePath(t Training) string { return g.path + "." + t.key() + ".state" }

// writeWhole writes a file completely or not at all.
func writeWhole(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
