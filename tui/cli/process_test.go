package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for an event, even on a busy machine.
const patience = 2 * time.Minute

// until waits for something that another process does.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("never came:", what)
		}
	}
}

// homeStore returns a folder to use as XDG_DATA_HOME of processes. It ends all of them with the test, because they
// would write into a folder that is being removed.
func homeStore(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		if err := endProcesses(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// endProcesses kills the processes with dir as XDG_DATA_HOME and waits for them. It finds them only on systems with
// /proc.
func endProcesses(dir string) error {
	for late := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		pids := processesAt(dir)
		if len(pids) == 0 {
			return nil
		}
		if time.Now().After(late) {
			return fmt.Errorf("processes %d with XDG_DATA_HOME %s survive SIGKILL", pids, dir)
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // an error means that it has just ended
		}
	}
}

// processesAt returns the processes with dir as XDG_DATA_HOME. A killed one counts until its last thread has stopped.
func processesAt(dir string) (pids []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/task/*/environ") // the only error is a bad pattern
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil || !strings.Contains("\x00"+string(b), "\x00XDG_DATA_HOME="+dir+"\x00") {
			continue
		}
		if pid, err := strconv.Atoi(strings.Split(f, "/")[2]); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}
