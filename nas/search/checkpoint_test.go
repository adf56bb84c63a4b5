package search

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/child"
	"nasnet/nas/fake"
	"nasnet/nas/local"
	"nasnet/nas/nn"
)

// fakeState is the format of fake.Evaluator's states.
const fakeState = "%d epochs of the fake trial %d"

// resumed is a fake evaluator that records after how many epochs each trial continued, and interrupts the search when
// cut says so.
type resumed struct {
	mu    sync.Mutex
	after map[int]int // trial -> epochs in the state it got
	cut   func(trial, epoch int) bool
	stop  context.CancelFunc
}

func (r *resumed) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	if j.State != nil {
		var epochs, id int
		if _, err := fmt.Sscanf(string(j.State), fakeState, &epochs, &id); err == nil && id == j.Trial {
			r.mu.Lock()
			r.after[j.Trial] = epochs
			r.mu.Unlock()
		}
	}
	return fake.Evaluator{Steps: 2}.Evaluate(ctx, j, func(p nas.Step) error {
		if err := report(p); err != nil {
			return err
		}
		if r.cut != nil && p.EpochEnd == nil && r.cut(j.Trial, p.Epoch) { // in the middle of an epoch
			r.stop()
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return nil
	})
}

// halfTrained makes a run that was interrupted in the fourth epoch of trial 5, and returns its folder.
func halfTrained(t *testing.T, c nas.Config) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := create(t, dir, c, Options{Workers: 1, Checkpoint: 1,
		Evaluator: &resumed{stop: cancel, cut: func(trial, epoch int) bool { return trial == 5 && epoch == 3 }}})
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func fiveEpochs() nas.Config {
	c := testConfig()
	c.Train.Epochs, c.Repeats = 5, "retrain"
	return c
}

func TestAHalfTrainedChildContinuesFromItsLastCheckpoint(t *testing.T) {
	want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), fiveEpochs(), Options{Workers: 1}))
	dir := halfTrained(t, fiveEpochs())
	var events []nas.Event
	e := &resumed{after: map[int]int{}}
	s, err := Open(dir, Options{Workers: 2, Evaluator: e, OnEvent: func(e nas.Event) { events = append(events, e) }})
	if err != nil {
		t.Fatal(err)
	}
	x := s.owner.ledger.Trial(5)
	if x.State != nas.Proposed || x.Epoch != 3 || len(x.Curve) != 3 || x.Progress != 0.6 {
		t.Errorf("before: %s after %d epochs, %d of the curve, progress %v; want proposed, 3, 3, 0.6", x.State, x.Epoch,
			len(x.Curve), x.Progress)
	}
	if got := finish(t, s); got != want {
		t.Error("another end")
	}
	if len(e.after) != 1 || e.after[5] != 3 {
		t.Errorf("trials that continued, and after which epoch: %v; want trial 5 after 3", e.after)
	}
	if x.Attempt != 1 || x.Epoch != 5 || len(x.Curve) != 5 || x.Curve[2].Epoch != 3 || x.Curve[3].Epoch != 4 {
		t.Errorf("after: attempt %d, %d epochs, curve %v", x.Attempt, x.Epoch, x.Curve)
	}
	i := slices.IndexFunc(events, func(e nas.Event) bool { return e.Kind == nas.TrialStarted && e.Trial == 5 })
	if i < 0 || events[i].Data["after_epoch"] != 3 {
		t.Errorf("no event says that trial 5 continues after epoch 3")
	}
	if n := blobsOf(t, dir, "child"); n != 0 {
		t.Errorf("%d checkpoints are still stored after the end", n)
	}
	live := s.Snapshot()
	if s, err = Open(dir, Options{Evaluator: fake.Evaluator{}}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, v := range live.Top {
		if got := s.owner.ledger.Trial(v.ID).Curve; fmt.Sprint(got) != fmt.Sprint(v.Curve) {
			t.Errorf("trial %d: the curve read back is %v; it was %v", v.ID, got, v.Curve)
		}
	}
}

// openSQL opens a run's database beside the store.
func openSQL(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "run.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// blobsOf counts the blobs of a kind in a run's database and checks that each has its file.
func blobsOf(t *testing.T, dir, kind string) (n int) {
	t.Helper()
	db := openSQL(t, dir)
	rows, err := db.Query("SELECT sha256 FROM blob WHERE kind = ?", kind)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var sha string
		if err := rows.Scan(&sha); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "blobs", sha[:2], sha+".safetensors")); err != nil {
			t.Error(err)
		}
		n++
	}
	return n
}

func TestAChildWhoseCheckpointIsLostStartsOver(t *testing.T) {
	want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), fiveEpochs(), Options{Workers: 1}))
	sound := halfTrained(t, fiveEpochs())
	st, err := checkpoints.OpenReadOnly(sound)
	if err != nil {
		t.Fatal(err)
	}
	row, err := st.Trial(5)
	if err != nil {
		t.Fatal(err)
	}
	st.Close()
	blob := filepath.Join("blobs", row.CheckpointSHA256[:2], row.CheckpointSHA256+".safetensors")
	for _, harm := range []struct {
		what, says string
		do         func(dir string) error
	}{
		{"a missing blob", "missing", func(dir string) error { return os.Remove(filepath.Join(dir, blob)) }},
		{"a damaged blob", "damaged", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, blob),
				bytes.Repeat([]byte("x"), len("3 epochs of the fake trial 5")), 0o600)
		}},
		{"a state of another child", "the state belongs to another child", func(dir string) error {
			st, err := checkpoints.Open(dir)
			if err != nil {
				return err
			}
			defer st.Close()
			return st.CheckpointTrial(5, 1, 3, []byte("of something else"), nil)
		}},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		if err := os.CopyFS(dir, os.DirFS(sound)); err != nil {
			t.Fatal(err)
		}
		if err := harm.do(dir); err != nil {
			t.Fatal(err)
		}
		if v, err := audit.Verify(t.Context(), dir); err != nil ||
			v.OK == (harm.says != "the state belongs to another child") {
			t.Errorf("%s: verify: %+v, %v", harm.what, v, err)
		}
		said := ""
		e := &resumed{after: map[int]int{}}
		s, err := Open(dir, Options{Workers: 1, Evaluator: e, OnEvent: func(e nas.Event) {
			if e.Kind == nas.CheckpointLost && e.Trial == 5 && e.Level == nas.Warn {
				said += fmt.Sprint(e.Data["error"], " ", e.Data["epoch"])
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if got := finish(t, s); got != want {
			t.Errorf("%s: the end differs", harm.what)
		}
		if !strings.Contains(said, harm.says) || !strings.HasSuffix(said, " 3") || strings.Count(said, harm.says) != 1 {
			t.Errorf("%s: events say %q; want one with %q and epoch 3", harm.what, said, harm.says)
		}
		if x := s.owner.ledger.Trial(5); len(e.after) != 0 || x.Attempt != 2 || len(x.Curve) != 5 ||
			x.State != nas.Done {
			t.Errorf("%s: continued %v, attempt %d, %d epochs, %s; want from the start, 2, 5, done", harm.what, e.after,
				x.Attempt, len(x.Curve), x.State)
		}
	}
}

func TestCheckpointsAreTakenOnlyInLongTrainings(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	s := create(t, dir, fiveEpochs(), Options{Workers: 1, Evaluator: &resumed{}})
	step := func(epoch int) nas.Step {
		return nas.Step{Progress: child.Progress{Epochs: 5, EpochEnd: &child.EpochResult{Epoch: epoch}},
			State: func() ([]byte, error) { return nil, nil }}
	}
	for _, c := range []struct {
		what  string
		since time.Duration
		cost  time.Duration
		step  nas.Step
		want  bool
	}{
		{"a quick epoch", 3 * time.Second, 0, step(2), false},
		{"a long epoch", 6 * time.Second, 10 * time.Millisecond, step(2), true},
		{"a long epoch whose state takes long to store", 6 * time.Second, 100 * time.Millisecond, step(2), false},
		{"a very long one", 11 * time.Second, 100 * time.Millisecond, step(2), true},
		{"the last epoch", time.Hour, 0, step(5), false},
		{"an evaluator without states", time.Hour, 0, nas.Step{Progress: step(2).Progress}, false},
	} {
		r := &training{kept: time.Now().Add(-c.since)}
		r.cost.Store(int64(c.cost))
		if got := s.owner.worker.keepNow(r, c.step); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	finish(t, s)
	if n := blobsOf(t, dir, "child"); n != 0 {
		t.Errorf("%d checkpoints of very short trainings; want none", n)
	}
}

func TestAFailingCheckpointDoesNotEndTheChild(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	said := 0
	c := fiveEpochs()
	s := create(t, dir, c, Options{Workers: 1, Checkpoint: 1, Evaluator: stateless{}, OnEvent: func(e nas.Event) {
		if e.Kind == nas.CheckpointFailed && strings.Contains(fmt.Sprint(e.Data["error"]), "no state available") {
			said++
		}
	}})
	got := finish(t, s)
	if want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1})); got != want {
		t.Error("another end")
	}
	if said != 4*12 {
		t.Errorf("%d events of failed checkpoints; want 4 of each of 12 children", said)
	}
}

// stateless is a Fake that cannot give its state.
type stateless struct{}

func (stateless) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	return fake.Evaluator{}.Evaluate(ctx, j, func(p nas.Step) error {
		p.State = func() ([]byte, error) { return nil, errors.New("no state available") }
		return report(p)
	})
}

func TestASearchWithCheckpointsCutOffAnywhereEndsTheSame(t *testing.T) {
	c := fiveEpochs()
	c.Lag, c.RandomEvery, c.Repeats = 1, 4, "cached"
	want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 2}))
	step := 13
	if testing.Short() {
		step = 200
	}
	for cut := 35; cut < 110; cut += step {
		dir := filepath.Join(t.TempDir(), "run")
		cutOff(t, dir, c, Options{Workers: 2, Checkpoint: 1}, cut)
		s, err := Open(dir, Options{Workers: 1, Checkpoint: 1, Evaluator: fake.Evaluator{Steps: 2}})
		if err != nil {
			t.Fatal(err)
		}
		if got := finish(t, s); got != want {
			t.Errorf("cut at event %d: the end differs", cut)
		}
	}
}

// realConfig is a search with real training: 6 children and a retrain, with momentum, moving statistics, DropPath,
// augmentation and dropout, so that whatever a checkpoint forgets shows in the result.
func realConfig() nas.Config {
	c := testConfig()
	c.Name, c.Data, c.Children, c.Batch, c.Lag, c.RandomEvery, c.Blocks, c.Ops, c.Repeats = "run", "synthetic", 6, 2, 1,
		3, 2, "sep3x3,conv3x3,avg3x3,identity", "retrain"
	c.TrainImages, c.ValImages = 256, 100
	c.Net = child.NetConfig{Stack: "cifar", N: 1, Filters: 4, Image: 8}
	c.Train.Epochs, c.Train.Batch, c.Train.Dropout = 6, 16, 0.1
	c.Train.DropPath.Prob = 0.3
	c.Train.Augment = child.Augment{Pad: 1, Flip: true, Cutout: 2}
	return c
}

const killEnv = "NASNET_NAS_RUN"

// roleEnv makes the test binary play a role: the role's name, a colon, and a folder to work in.
const roleEnv = "NASNET_NAS_ROLE"

var roles = map[string]func(dir string) error{}

func TestMain(m *testing.M) {
	if dir := os.Getenv(killEnv); dir != "" {
		if err := realSearch(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if role, dir, ok := strings.Cut(os.Getenv(roleEnv), ":"); ok {
		if err := roles[role](dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// realSearch starts or resumes the run in dir, retrains its first child beside the search, and prints one line per
// event.
func realSearch(dir string) error {
	l, c := local.New(nil), realConfig()
	if _, err := l.Prepare(context.Background(), &c); err != nil {
		return err
	}
	c.Seed = 5
	o := Options{Workers: 1 + os.Getpid()%2, Checkpoint: 1, Evaluator: l,
		OnEvent: func(e nas.Event) { fmt.Println(e.Kind, e.Trial, e.Data["after_epoch"]) }}
	s, err := Open(dir, o)
	if errors.Is(err, checkpoints.ErrNoRun) {
		s, err = Create(dir, c, "none", o)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	done := make(chan error, 1)
	go func() { done <- s.Run(context.Background()) }()
	if len(s.owner.ledger.Manual()) == 0 {
		spec := nas.RetrainSpec{Data: c.DataSpec(), Setup: child.Setup{Net: c.Net, Train: c.Train}, Seed: 9}
		spec.Net.Filters, spec.Train.Shards = 6, 2
		if !await(s, func(v *nas.Snapshot) bool { return len(v.Rewards) > 0 }) {
			return errors.New("no child has a reward")
		}
		_, err := s.Do(context.Background(), nas.Command{Do: nas.Retrain, Parent: new(0), Retrain: &spec})
		if err != nil && !errors.Is(err, nas.ErrClosed) {
			return err
		}
	}
	return <-done
}

// killing says when to kill a process: a while after its first event, or, if kind is not empty, after its n-th event of
// that kind.
type killing struct {
	after time.Duration
	kind  nas.EventKind
	n     int
}

// inProcess runs realSearch in its own process and kills it if told when. It returns the lines of its events and
// whether the search finished.
func inProcess(t *testing.T, dir string, k killing) (lines []string, whole bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killEnv+"="+dir)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	armed := k.after > 0 && k.kind == ""
	for in := bufio.NewScanner(out); in.Scan(); {
		line := in.Text()
		lines = append(lines, line)
		if k.kind != "" && strings.HasPrefix(line, string(k.kind)+" ") {
			k.n--
			armed = k.n == 0
		}
		if armed {
			armed = false
			defer time.AfterFunc(k.after, func() { cmd.Process.Signal(syscall.SIGKILL) }).Stop()
		}
	}
	err = cmd.Wait()
	if errs.Len() > 0 {
		t.Fatalf("the search: %v\n%s", err, errs.String())
	}
	return lines, err == nil
}

// endOf returns the state hash of a run and the trained weights of its retrain.
func endOf(t *testing.T, dir string) (hash string, weights []nn.Tensor) {
	t.Helper()
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if hash, err = st.StateHash(); err != nil {
		t.Fatal(err)
	}
	row, err := st.Trial(nas.FirstManual)
	if err != nil {
		t.Fatal(err)
	}
	b, err := st.ReadBlob(row.WeightsSHA256)
	if err != nil {
		t.Fatal(err)
	}
	if _, weights, err = nn.ReadSafetensors(bytes.NewReader(b), 0); err != nil {
		t.Fatal(err)
	}
	return hash, weights
}

func TestChildrenKilledWhileTrainingEndAsIfNeverKilled(t *testing.T) {
	root := t.TempDir()
	began := time.Now()
	if _, whole := inProcess(t, filepath.Join(root, "whole"), killing{}); !whole {
		t.Fatal("the search without kills did not end")
	}
	takes := time.Since(began)
	want, weights := endOf(t, filepath.Join(root, "whole"))
	wanted := 20
	if testing.Short() {
		wanted = 4
	}
	// a longer loop: NASNET_KILLS=200 go test ./nas/search -run Killed -v
	if n, err := strconv.Atoi(os.Getenv("NASNET_KILLS")); err == nil {
		wanted = n
	}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d; a whole search takes %v", seed, takes)
	// Half of the kills come at random times. The others come right after an event that a write follows: an epoch (the
	// blob of a checkpoint), the end of a batch's last child (the update and its blob), an update (the release of an
	// old policy, and the next batch).
	kinds := []nas.EventKind{nas.EpochEnded, nas.TrialFinished, nas.ControllerUpdate, nas.TrialProposed}
	continued, killed, by := 0, 0, map[nas.EventKind]int{}
	// a few kills may all come before a child has a checkpoint
	for round := 0; killed < wanted || continued == 0 && round < 20; round++ {
		dir := filepath.Join(root, fmt.Sprint("killed", round))
		finished := map[string]bool{}
		for whole, n := false, 0; !whole; n++ {
			k := killing{}
			switch {
			case n >= 8 || killed >= wanted && continued > 0: // it may finish
			case r.IntN(2) == 0:
				k.after = time.Duration(1 + r.Int64N(int64(takes)/3))
			default:
				k.kind = kinds[r.IntN(len(kinds))]
				k.after, k.n = time.Duration(r.Int64N(int64(5*time.Millisecond))), 1+r.IntN(4)
			}
			var lines []string
			if lines, whole = inProcess(t, dir, k); !whole {
				killed++
				by[k.kind]++
			}
			for _, l := range lines {
				f := strings.Fields(l)
				if len(f) != 3 {
					continue
				}
				switch kind := nas.EventKind(f[0]); {
				case kind == nas.TrialFinished:
					finished[f[1]] = true
				case kind == nas.TrialStarted && finished[f[1]]:
					t.Errorf("round %d: trial %s had finished and was lost", round, f[1])
				case kind == nas.TrialStarted && f[2] != "<nil>":
					continued++
				case kind == nas.CheckpointFailed, kind == nas.CheckpointLost:
					t.Errorf("round %d: %s", round, l)
				}
			}
		}
		got, w := endOf(t, dir)
		if got != want {
			t.Errorf("round %d: the state differs from that of the uninterrupted search", round)
		}
		if len(w) != len(weights) || !slices.EqualFunc(w, weights,
			func(a, b nn.Tensor) bool { return a.Name == b.Name && slices.Equal(a.F32, b.F32) }) {
			t.Errorf("round %d: the retrain's weights differ", round)
		}
		if n := blobsOf(t, dir, "child"); n != 0 {
			t.Errorf("round %d: %d checkpoints are left", round, n)
		}
		if v, err := audit.Verify(t.Context(), dir); err != nil || !v.OK {
			t.Errorf("round %d: %+v, %v", round, v, err)
		}
	}
	t.Logf("%d kills, by the event before (none: at a random time) %v; %d children continued from a checkpoint", killed,
		by, continued)
	if continued == 0 {
		t.Error("no child continued from a checkpoint")
	}
}
