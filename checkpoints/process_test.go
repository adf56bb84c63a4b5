package checkpoints_test

import (
	"bufio"
	"crypto/sha256"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nasnet/checkpoints"
)

// The tests of this file use other processes: the test binary again, with a role in its environment.
const roleEnv = "NASNET_CHECKPOINTS_ROLE"

func TestMain(m *testing.M) {
	role, dir, _ := strings.Cut(os.Getenv(roleEnv), ":")
	var err error
	switch role {
	case "":
		os.Exit(m.Run())
	case "writer":
		err = writerRole(dir)
	case "holder":
		err = holderRole(dir)
	case "reader":
		err = readerRole(dir)
	case "updater":
		err = updaterRole(dir)
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// writerRole continues a run as a search does, forever, and prints a line after each acknowledged change.
func writerRole(dir string) error {
	s, err := checkpoints.Open(dir)
	if errors.Is(err, checkpoints.ErrNoRun) {
		s, err = checkpoints.Create(dir, checkpoints.Run{Seed: 7, State: "running"})
	}
	if err != nil {
		return err
	}
	fmt.Println("open")
	if err := s.SetRunState("running"); err != nil {
		return err
	}
	ts, err := s.Trials()
	if err != nil {
		return err
	}
	last, _, err := lastUpdate(s)
	if err != nil {
		return err
	}
	open, err := openTrials(s)
	if err != nil {
		return err
	}
	next := len(ts)
	for {
		for _, t := range open {
			if err := s.StartTrial(t.ID, t.Attempt+1); err != nil {
				return err
			}
			if err := s.CheckpointTrial(t.ID, t.Attempt+1, 1, fmt.Append(nil, "half ", t.ID), nil); err != nil {
				return err
			}
			sha, err := s.WriteBlob("weights", fmt.Append(nil, strings.Repeat("w", t.ID%5000), t.ID))
			if err != nil {
				return err
			}
			t.Attempt, t.Reward, t.HasReward, t.WeightsSHA256 = t.Attempt+1, rewardOf(t.ID), true, sha
			epochs := []checkpoints.Epoch{{Trial: t.ID, Attempt: t.Attempt},
				{Trial: t.ID, Attempt: t.Attempt, Epoch: 1}}
			if err := s.FinishTrial(t, epochs, checkpoints.Event{Kind: "trial_finished", Trial: t.ID}); err != nil {
				return err
			}
			fmt.Println("trial", t.ID)
		}
		if next/4 > last.Version {
			u := checkpoints.Update{Version: last.Version + 1, Batch: last.Version, State: policyOf(last.Version + 1)}
			for i := range 4 {
				id := 4*last.Version + i
				u.Samples = append(u.Samples, checkpoints.UpdateSample{Trial: id, Reward: rewardOf(id)})
			}
			if err := s.AddUpdate(u, checkpoints.Event{Kind: "controller_update", Trial: -1}); err != nil {
				return err
			}
			fmt.Println("update", u.Version)
			last = u
		}
		open = nil
		for range 4 {
			open = append(open, proposal(next))
			next++
		}
		if err := s.AddTrials(open, checkpoints.Event{Kind: "trial_proposed", Trial: open[0].ID}); err != nil {
			return err
		}
	}
}

func rewardOf(id int) float64     { return rand.New(rand.NewPCG(uint64(id), 1)).Float64() }
func policyOf(version int) []byte { return fmt.Append(nil, strings.Repeat("p", 20000), version) }

// holderRole opens a run for writing and waits for its standard input to end.
func holderRole(dir string) error {
	s, err := checkpoints.Open(dir)
	if err != nil {
		return err
	}
	fmt.Println("open")
	bufio.NewReader(os.Stdin).ReadString('\n')
	return s.Close()
}

// readerRole opens a run for reading and prints how many trials it has.
func readerRole(dir string) error {
	s, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		return err
	}
	ts, err := s.Trials()
	if err != nil {
		return err
	}
	if err := s.SetNote(0, "written"); !errors.Is(err, checkpoints.ErrReadOnly) {
		return fmt.Errorf("a write to a read-only store: %v", err)
	}
	fmt.Println("trials", len(ts))
	return s.Close()
}

// updaterRole opens a run, waits for its standard input to end, and stores a policy.
func updaterRole(dir string) error {
	s, err := checkpoints.Open(dir)
	if err != nil {
		return err
	}
	fmt.Println("open")
	io.Copy(io.Discard, os.Stdin)
	return s.AddUpdate(checkpoints.Update{Version: 1, State: policyOf(1)})
}

// process is this binary in a role.
type process struct {
	*exec.Cmd
	in  interface{ Close() error }
	out *bufio.Scanner
}

func start(t *testing.T, role, dir string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleEnv+"="+role+":"+dir)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	p := &process{cmd, in, bufio.NewScanner(out)}
	t.Cleanup(func() { p.kill() })
	return p
}

// line returns the next line that the process prints.
func (p *process) line(t *testing.T) string {
	t.Helper()
	if !p.out.Scan() {
		t.Fatal("the other process ended without output")
	}
	return p.out.Text()
}

func (p *process) kill() {
	p.Process.Kill()
	for p.out.Scan() {
	}
	p.Wait()
}

// kills is for a longer run by hand: go test ./checkpoints -run Kill9 -kills 200
var kills = flag.Int("kills", 10, "how often TestNothingAcknowledgedIsLostByKill9 kills the writer")

func TestNothingAcknowledgedIsLostByKill9(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	trials, versions, unclean := -1, 0, 0
	for range *kills {
		p := start(t, "writer", dir)
		// A quarter of the kills come during startup.
		wait := time.Duration(50+r.IntN(250)) * time.Millisecond
		if r.IntN(4) == 0 {
			wait = time.Duration(r.IntN(15)) * time.Millisecond
		}
		timer := time.AfterFunc(wait, func() { p.Process.Kill() })
		opened := false
		for p.out.Scan() {
			var n int
			switch line := p.out.Text(); {
			case line == "open":
				opened = true
			case strings.HasPrefix(line, "trial "):
				fmt.Sscanf(line, "trial %d", &n)
				trials = max(trials, n)
			case strings.HasPrefix(line, "update "):
				fmt.Sscanf(line, "update %d", &n)
				versions = max(versions, n)
			default:
				t.Fatal(line)
			}
		}
		timer.Stop()
		p.Wait()
		if opened {
			unclean++
		}
		if _, err := os.Stat(filepath.Join(dir, "run.db")); errors.Is(err, fs.ErrNotExist) && trials < 0 {
			continue // killed before there was a run
		}
		checkWriter(t, dir, trials, versions)
	}
	t.Logf("%d trials and %d updates acknowledged, killed %d times with the run open", trials+1, versions, unclean)
	if trials < 0 || unclean == 0 {
		t.Skip("too slow a machine: no trial was acknowledged before a kill")
	}
}

// checkWriter opens a run of writerRole that was killed, and checks that everything up to the last acknowledged trial
// and policy version is there and complete.
func checkWriter(t *testing.T, dir string, trials, versions int) {
	t.Helper()
	before := checkpoints.Summary(dir)
	if before.Err != nil || before.Live || before.Status != "crashed" && trials >= 0 {
		t.Errorf("summary after a kill: %+v", before)
	}
	s, err := checkpoints.Open(dir)
	must(t, err)
	defer s.Close()
	ts, err := s.Trials()
	must(t, err)
	if len(ts) <= trials || len(ts)%4 != 0 {
		t.Fatalf("%d trials, %d were acknowledged, and batches have 4", len(ts), trials+1)
	}
	for i, x := range ts {
		if want := proposal(i); x.ID != i || x.CellHash != want.CellHash || x.Choices[0] != want.Choices[0] ||
			string(x.Genotype) != string(want.Genotype) {
			t.Fatalf("trial %d: %+v", i, x)
		}
		if i <= trials && x.State != "done" {
			t.Fatalf("trial %d was acknowledged, and is %s", i, x.State)
		}
		es, err := s.Epochs(i)
		must(t, err)
		if x.State == "done" {
			b, err := s.ReadBlob(x.WeightsSHA256)
			if err != nil || string(b) != string(fmt.Append(nil, strings.Repeat("w", i%5000), i)) ||
				x.Reward != rewardOf(i) || len(es) != 2 || es[1].Attempt != x.Attempt {
				t.Fatalf("trial %d: %+v, %v, epochs %v", i, x, err, es)
			}
		} else if len(es) != 0 {
			t.Fatalf("trial %d has epochs before its end: %v", i, es)
		}
		if x.CheckpointSHA256 != "" {
			if b, err := s.ReadBlob(x.CheckpointSHA256); err != nil || string(b) != fmt.Sprint("half ", i) {
				t.Fatalf("checkpoint of trial %d: %q, %v", i, b, err)
			}
		}
	}
	us, err := s.Updates()
	must(t, err)
	if len(us) < versions {
		t.Fatalf("%d policy versions, %d were acknowledged", len(us), versions)
	}
	for i, u := range us {
		full, err := s.UpdateAt(u.Version)
		if err != nil || u.Version != i+1 || len(u.Samples) != 4 || u.Samples[3].Trial != 4*i+3 ||
			string(full.State) != string(policyOf(i+1)) {
			t.Fatalf("policy version %d: %+v, %v", i+1, u, err)
		}
	}
	events, err := s.Events(0, -1)
	must(t, err)
	finished := 0
	for i, e := range events {
		if e.ID != int64(i+1) {
			t.Fatalf("event %d has number %d", i+1, e.ID)
		}
		if e.Kind == "trial_finished" {
			finished++
		}
	}
	done := 0
	for _, x := range ts {
		if x.State == "done" {
			done++
		}
	}
	if finished != done {
		t.Errorf("%d events of %d ends", finished, done)
	}
	checkLog(t, s, dir)
	checkNoTemp(t, dir)
}

func TestAKillBetweenABlobAndItsCommitLeavesAnOrphan(t *testing.T) {
	s := newStore(t)
	dir := s.Dir()
	must(t, s.Close())
	other, err := sql.Open("sqlite", filepath.Join(dir, "run.db")) // delays the commit, not the blob
	must(t, err)
	defer other.Close()
	other.SetMaxOpenConns(1)
	p := start(t, "updater", dir)
	p.line(t)
	_, err = other.Exec("BEGIN IMMEDIATE")
	must(t, err)
	must(t, p.in.Close())
	sha := fmt.Sprintf("%x", sha256.Sum256(policyOf(1)))
	blob := filepath.Join(dir, "blobs", sha[:2], sha+".safetensors")
	for late := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := os.Lstat(blob); err == nil {
			break
		} else if time.Now().After(late) {
			t.Fatal(err)
		}
	}
	p.kill()
	_, err = other.Exec("ROLLBACK")
	must(t, err)
	must(t, other.Close())

	s, err = checkpoints.Open(dir)
	must(t, err)
	defer s.Close()
	if us, err := s.Updates(); err != nil || len(us) != 0 {
		t.Fatalf("half a change: %+v, %v", us, err)
	}
	if n, err := s.SweepBlobs(0); err != nil || n != 1 {
		t.Errorf("%d files swept, %v; want the orphan", n, err)
	}
	must(t, s.AddUpdate(checkpoints.Update{Version: 1, State: policyOf(1)}))
	if b, err := s.ReadBlob(sha); err != nil || string(b) != string(policyOf(1)) {
		t.Errorf("stored again: %d bytes, %v", len(b), err)
	}
	checkNoTemp(t, dir)
}

func TestASecondWriterLearnsWhoHasTheRun(t *testing.T) {
	s := newStore(t)
	dir := s.Dir()
	_, err := checkpoints.Open(dir)
	var locked *checkpoints.LockedError
	host, _ := os.Hostname()
	if !errors.As(err, &locked) || !errors.Is(err, checkpoints.ErrLocked) || locked.PID != os.Getpid() ||
		locked.Host != host {
		t.Errorf("in the same process: %v", err)
	}
	must(t, s.Close())
	p := start(t, "holder", dir)
	p.line(t)
	_, err = checkpoints.Open(dir)
	if !errors.As(err, &locked) || locked.PID != p.Process.Pid || locked.Host != host {
		t.Errorf("another process: %v", err)
	}
	if want := fmt.Sprintf("locked by process %d on %s", p.Process.Pid, host); err == nil ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
	if _, err = checkpoints.Create(dir, checkpoints.Run{}); !errors.Is(err, checkpoints.ErrLocked) {
		t.Errorf("create: %v", err)
	}
	if sum := checkpoints.Summary(dir); !sum.Live || sum.PID != p.Process.Pid {
		t.Errorf("summary of a live run: %+v", sum)
	}
	p.in.Close()
	p.Wait()
	s, err = checkpoints.Open(dir)
	must(t, err)
	must(t, s.Close())
	if _, err = checkpoints.Create(dir, checkpoints.Run{}); !errors.Is(err, checkpoints.ErrExists) {
		t.Errorf("create over a run: %v", err)
	}
}

func TestReadersSeeALiveRunGrow(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	p := start(t, "writer", dir)
	p.line(t)
	drained := make(chan int)
	go func() {
		n := 0
		for p.out.Scan() {
			if strings.HasPrefix(p.out.Text(), "error") {
				n = -1 << 30
			}
			n++
		}
		drained <- n
	}()
	s, err := checkpoints.OpenReadOnly(dir)
	must(t, err)
	defer s.Close()
	seen, grew := 0, 0
	late := time.Now().Add(2 * time.Minute) // a busy machine may leave the writer little time
	for i := 0; i < 60 || grew < 3 && time.Now().Before(late); i++ {
		ts, err := s.Trials()
		must(t, err)
		us, err := s.Updates()
		must(t, err)
		if len(ts) < seen || len(ts)%4 != 0 {
			t.Fatalf("%d trials after %d", len(ts), seen)
		}
		if len(ts) > seen {
			grew++
		}
		seen = len(ts)
		for _, u := range us {
			if len(u.Samples) != 4 {
				t.Fatalf("half an update: %+v", u)
			}
		}
		if _, err := s.StateHash(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Millisecond)
	}
	if grew < 3 {
		t.Errorf("the run grew only %d times while it was read", grew)
	}
	if err := s.AddTrials([]checkpoints.Trial{proposal(0)}); !errors.Is(err, checkpoints.ErrReadOnly) {
		t.Errorf("a reader was allowed to write: %v", err)
	}
	p.Process.Kill()
	if n := <-drained; n < 5 {
		t.Errorf("the writer made %d changes", n)
	}
}

func TestAReaderWithoutWritePermission(t *testing.T) {
	// The folder is another user's, or on read-only media. Permissions do not bind root, so the reader runs as another
	// user.
	base, err := os.MkdirTemp("", "nasnet-test-*")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(base) })
	must(t, os.Chmod(base, 0o755))
	temp := filepath.Join(base, "tmp") // where private copies go
	must(t, os.Mkdir(temp, 0o700))
	must(t, os.Chmod(temp, 0o777))
	binary := filepath.Join(base, "test.bin")
	b, err := os.ReadFile(os.Args[0])
	must(t, err)
	must(t, os.WriteFile(binary, b, 0o755))
	look := func(dir string) string {
		cmd := exec.Command(binary)
		cmd.Env = append(os.Environ(), roleEnv+"=reader:"+dir, "TMPDIR="+temp)
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		}
		out, _ := cmd.CombinedOutput()
		return strings.TrimSpace(string(out))
	}
	protect := func(dir string) {
		must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			must(t, err)
			if d.IsDir() {
				return os.Chmod(path, 0o555)
			}
			return os.Chmod(path, 0o444)
		}))
	}
	cases := []struct {
		name string
		make func(dir string)
	}{
		{"closed cleanly", func(dir string) {}},
		{"live", func(dir string) { start(t, "holder", dir).line(t) }},
		{"writer killed", func(dir string) {
			p := start(t, "holder", dir)
			p.line(t)
			p.kill()
		}},
		{"writer killed and -shm lost", func(dir string) {
			p := start(t, "holder", dir)
			p.line(t)
			p.kill()
			must(t, os.Remove(filepath.Join(dir, "run.db-shm")))
			if st, err := os.Stat(filepath.Join(dir, "run.db-wal")); err != nil || st.Size() == 0 {
				t.Errorf("no WAL to recover: %v", err)
			}
		}},
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(base, fmt.Sprint("run", i))
			s, err := checkpoints.Create(dir, checkpoints.Run{})
			must(t, err)
			must(t, s.AddTrials([]checkpoints.Trial{proposal(0), proposal(1)}))
			must(t, s.Close())
			c.make(dir)
			protect(dir)
			t.Cleanup(func() { os.Chmod(dir, 0o755) })
			if got := look(dir); got != "trials 2" {
				t.Errorf("the reader prints %q", got)
			}
			if os.Getuid() != 0 {
				if _, err := checkpoints.Open(dir); !errors.Is(err, fs.ErrPermission) &&
					!errors.Is(err, checkpoints.ErrLocked) {
					t.Errorf("opened for writing: %v", err)
				}
			}
		})
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "*")); len(left) > 0 {
		t.Errorf("private copies left behind: %v", left)
	}
}

func TestForkOfALiveRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	p := start(t, "writer", dir)
	for p.line(t) != "update 3" {
	}
	go func() {
		for p.out.Scan() {
		}
	}()
	s, err := checkpoints.OpenReadOnly(dir)
	must(t, err)
	defer s.Close()
	parent, err := s.Run()
	must(t, err)
	dst := filepath.Join(t.TempDir(), "fork")
	must(t, s.Fork(dst, checkpoints.Run{Name: "second", Seed: 8, Config: []byte(`{"entropy":1}`), Target: 50}, 2))
	if err := s.Fork(dst, checkpoints.Run{}, 2); !errors.Is(err, checkpoints.ErrExists) {
		t.Errorf("a fork over a fork: %v", err)
	}
	p.Process.Kill()
	p.Wait()
	p.in.Close()

	f, err := checkpoints.Open(dst)
	must(t, err)
	defer f.Close()
	r, err := f.Run()
	must(t, err)
	if r.ParentUUID != parent.UUID || r.ForkedAt != 2 || r.UUID == parent.UUID || r.Name != "second" || r.Seed != 8 ||
		r.State != "created" || r.Incarnation != 1 || r.Target != 50 {
		t.Errorf("the fork's record: %+v", r)
	}
	ts, err := f.Trials()
	must(t, err)
	if len(ts) != 8 {
		t.Fatalf("the fork has %d trials, two batches have 8", len(ts))
	}
	us, err := f.Updates()
	must(t, err)
	last, ok, err := lastUpdate(f)
	must(t, err)
	if len(us) != 2 || !ok || last.Version != 2 || string(last.State) != string(policyOf(2)) {
		t.Errorf("the fork's policy: %d versions, %+v", len(us), last.Version)
	}
	for _, x := range ts {
		if b, err := f.ReadBlob(x.WeightsSHA256); err != nil || len(b) == 0 || x.State != "done" {
			t.Errorf("trial %d: %v", x.ID, err)
		}
	}
	ev, err := f.Events(0, -1)
	must(t, err)
	if len(ev) != 1 || ev[0].Kind != "run_forked" || !strings.Contains(string(ev[0].Body), parent.UUID) {
		t.Errorf("the fork's events: %+v", ev)
	}
	// The fork continues on its own, and its parent's later trials are not in the way.
	must(t, f.AddTrials([]checkpoints.Trial{proposal(8)}))
	checkLog(t, f, dst)
}

func checkNoTemp(t *testing.T, dir string) {
	t.Helper()
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.Contains(d.Name(), "tmp") {
			t.Errorf("left behind: %s", path)
		}
		return nil
	})
}
