package search

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/fake"
)

func init() {
	for _, role := range []string{"full", "stopped", "stopped late"} {
		roles[role] = func(dir string) error { return fullDisk(dir, role) }
	}
	roles["broken"] = brokenDisk
	roles["fixed"] = fixedDisk
}

func diskConfig() nas.Config {
	c := testConfig()
	c.Controller.Hidden, c.Controller.Steps = 100, 1 // a policy state of several hundred kB
	return c
}

// onDisk runs a search in its own process and returns the last line it prints.
func onDisk(t *testing.T, role string, attr *syscall.SysProcAttr) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.SysProcAttr = append(os.Environ(), roleEnv+"="+role+":"+t.TempDir()), attr
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS) ||
		errors.Is(err, syscall.ENOSPC) {
		t.Skip("a private small file system needs a user namespace, which this machine does not allow: ", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	last := lines[len(lines)-1]
	if why, ok := strings.CutPrefix(last, "skip "); ok {
		t.Skip(why)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return last
}

// ballast fills the file system of a folder, except for some bytes.
func ballast(dir string, left int64) error {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return err
	}
	b := make([]byte, max(0, int64(st.Bavail)*int64(st.Bsize)-left))
	return os.WriteFile(filepath.Join(dir, "ballast"), b, 0o600)
}

// fullDisk runs a search on a small file system that fills up twice: once a result does not fit, once the state of a
// policy. It checks what the search shows while it waits, then frees space. Variants stop the search instead and resume
// it once there is space, or stop it after space is free but before it retries.
func fullDisk(dir, role string) error {
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=16m"); err != nil {
		fmt.Println("skip cannot mount a tmpfs here:", err)
		return nil
	}
	var s *Search
	finished, full := 0, []string{}
	waits := make(chan error, 2)
	var since time.Time // when the disk was filled
	fill := func(left int64) {
		err := ballast(dir, left)
		since = time.Now()
		waits <- err
	}
	retry := time.Millisecond
	if role == "stopped late" {
		retry = time.Hour
	}
	o := Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}, Retry: retry, OnEvent: func(e nas.Event) {
		switch e.Kind {
		case nas.TrialFinished:
			switch finished++; finished {
			case 2:
				fill(0)
			case 8: // the last of a batch: an update of several hundred kB is next
				fill(100 << 10)
			}
		case nas.DiskFull:
			full = append(full, fmt.Sprint(e.Data["error"]))
		}
	}}
	run := filepath.Join(dir, "run")
	c := diskConfig()
	c.Name = "run"
	s, err := Create(run, c, "none", o)
	if err != nil {
		return err
	}
	look := func() error { // while the search waits
		if !await(s, func(v *nas.Snapshot) bool {
			return v.State == nas.Paused && v.Time.After(since) && v.Finished <= finished &&
				strings.Contains(v.Reason, "disk full: 1") && strings.Contains(v.Reason, "MiB needed, ")
		}) {
			return fmt.Errorf("the full disk is not shown: %s, %s", s.Snapshot().State, s.Snapshot().Reason)
		}
		if _, err := s.Do(context.Background(), nas.Command{Do: nas.Star, Trial: 0}); err == nil ||
			!strings.Contains(err.Error(), "cannot store anything") {
			return fmt.Errorf("a star on a full disk: %v", err)
		}
		if role == "stopped late" {
			if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
				return err
			}
		}
		if role != "full" {
			if _, err := s.Do(context.Background(), nas.Command{Do: nas.Stop}); err != nil {
				return err
			}
			return nil
		}
		return os.Remove(filepath.Join(dir, "ballast"))
	}
	for filled, ends := 0, 0; ; {
		done := make(chan error, 1)
		go func() { done <- s.Run(context.Background()) }()
		var err error
	waiting:
		for {
			select {
			case err = <-waits:
				if filled++; err == nil {
					err = look()
				}
				if err != nil {
					return err
				}
			case err = <-done:
				break waiting
			}
		}
		if role == "stopped late" && err == nil && s.Snapshot().State == nas.Stopped {
			ends++
			s.Close()
			if s, err = Open(run, o); err != nil {
				return err
			}
			continue
		}
		if role == "stopped late" && ends != 2 {
			return fmt.Errorf("stopped %d of 2 times; now it is %s, %v", ends, s.Snapshot().State, err)
		}
		if role == "full" || err == nil {
			if err != nil || filled != 2 || len(full) != 2 || strings.Contains(full[0], "blob") ||
				!strings.Contains(full[1], "blob") {
				return fmt.Errorf("the disk was full %d times, the search waited for %q, and ended with %v",
					filled, full, err)
			}
			break
		}
		if !errors.Is(err, checkpoints.ErrDiskFull) {
			return fmt.Errorf("stopped on a full disk: %v", err)
		}
		for opened := range 2 { // the second one closes a run that nobody continued
			s.Close()
			if got := checkpoints.Summary(run).Status; got != "stopped" {
				return fmt.Errorf("stopped on a full disk, closed %d times: listed as %s", opened+1, got)
			}
			if opened == 0 {
				if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
					return err
				}
			}
			if s, err = Open(run, o); err != nil {
				return err
			}
		}
	}
	return printHash(s)
}

func printHash(s *Search) error {
	h, err := s.owner.run.Store.StateHash()
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	fmt.Println(h)
	return nil
}

// brokenDisk runs a search whose files cannot grow after its third child, which is not the same as a full disk. It
// resumes the search once they can.
func brokenDisk(dir string) error {
	signal.Ignore(syscall.SIGXFSZ) // so that writes return an error
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	finished := 0
	c := diskConfig()
	c.Name = "run"
	o := Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}, OnEvent: func(e nas.Event) {
		if e.Kind == nas.TrialFinished {
			if finished++; finished == 3 {
				syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 4096, Max: old.Max})
			}
		}
	}}
	s, err := Create(filepath.Join(dir, "run"), c, "none", o)
	if err != nil {
		return err
	}
	err = s.Run(context.Background())
	if !errors.Is(err, checkpoints.ErrIO) || s.Snapshot().State != nas.Failed {
		return fmt.Errorf("the search ended as %s with %v", s.Snapshot().State, err)
	}
	s.Close()
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		return err
	}
	if got := checkpoints.Summary(filepath.Join(dir, "run")).Status; got != "failed" {
		return fmt.Errorf("failed on a broken disk: listed as %s", got)
	}
	if s, err = Open(filepath.Join(dir, "run"), o); err != nil {
		return err
	}
	if v := s.Snapshot(); v.Finished != 3 {
		return fmt.Errorf("%d children are stored; 3 were announced", v.Finished)
	}
	if err := s.Run(context.Background()); err != nil {
		return err
	}
	return printHash(s)
}

// fixedDisk reads runs on a read-only file system: one that was closed, and one whose process was killed.
func fixedDisk(dir string) error {
	c := diskConfig()
	c.Name, c.Children = "run", 4
	closed := filepath.Join(dir, "closed")
	s, err := Create(closed, c, "none", Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
	if err != nil {
		return err
	}
	if err := s.Run(context.Background()); err != nil {
		return err
	}
	killed := filepath.Join(dir, "killed") // a copy of its files while it is open
	if err := os.CopyFS(killed, os.DirFS(closed)); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		fmt.Println("skip cannot mount here:", err)
		return nil
	}
	if err := syscall.Mount("none", dir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		fmt.Println("skip cannot mount read-only here:", err)
		return nil
	}
	for _, run := range []string{closed, killed} {
		v, err := ReadSnapshot(run)
		if err != nil || v.Finished != 4 || len(v.Top) == 0 || len(v.Top[0].Curve) == 0 {
			return fmt.Errorf("%s: snapshot: %+v, %v", run, v, err)
		}
		if r, err := audit.Verify(context.Background(), run); err != nil || !r.OK || r.Updates != 1 {
			return fmt.Errorf("%s: verify: %+v, %v", run, r, err)
		}
		if _, err := Open(run, Options{Evaluator: fake.Evaluator{}}); !errors.Is(err, syscall.EROFS) ||
			!strings.Contains(err.Error(), run) {
			return fmt.Errorf("%s: opened for writing: %v", run, err)
		}
	}
	list, err := checkpoints.List(dir)
	if err != nil || len(list) != 2 || list[0].Done != 4 || list[1].Done != 4 {
		return fmt.Errorf("list: %+v, %v", list, err)
	}
	if _, err := Create(filepath.Join(dir, "more"), c, "none", Options{}); !errors.Is(err, syscall.EROFS) ||
		!strings.Contains(err.Error(), dir) {
		return fmt.Errorf("creating a run on a read-only file system: %v", err)
	}
	fmt.Println("all runs can be read")
	return nil
}

func TestRunsOnAReadOnlyFileSystemCanBeRead(t *testing.T) {
	if got := onDisk(t, "fixed", ownMounts()); got != "all runs can be read" {
		t.Error(got)
	}
}

// ownMounts returns a user namespace in which this user is root and may mount.
func ownMounts() *syscall.SysProcAttr {
	ids := func(id int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: id, Size: 1}} }
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: ids(os.Getuid()),
		GidMappings: ids(os.Getgid())}
}

func TestDiskFaultsDoNotChangeTheSearch(t *testing.T) {
	want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), diskConfig(), Options{Workers: 1}))
	for _, c := range []struct {
		name, role string
		attr       *syscall.SysProcAttr
	}{
		{"the search waits for disk space", "full", ownMounts()},
		{"a search is stopped while the disk is full", "stopped", ownMounts()},
		{"a search is stopped when the disk is no longer full", "stopped late", ownMounts()},
		{"files cannot be written", "broken", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := onDisk(t, c.role, c.attr); got != want {
				t.Errorf("the end differs from that without the fault: %s", got)
			}
		})
	}
}
