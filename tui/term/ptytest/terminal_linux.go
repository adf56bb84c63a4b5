package ptytest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits, even on the busiest machine.
const patience = 2 * time.Minute

// Terminal is a pseudo-terminal with a program on it, and everything the program has sent.
type Terminal struct {
	Cmd   *exec.Cmd
	Began time.Time     // just before the program was started
	Ended chan struct{} // closed when the program has ended

	t      testing.TB
	master *os.File
	slave  *os.File
	before unix.Termios
	gate   sync.Mutex // locked: nothing is read

	mu     sync.Mutex
	out    []byte // since the last Press
	screen *Screen
	bytes  int // in total
	reads  int
	more   chan struct{} // of size 1
}

// Start starts a command on a terminal of w columns and h rows, as the leader of a session. Its standard error is the
// terminal too, unless the command sets another. The program ends with the test.
func Start(t testing.TB, c *exec.Cmd, w, h int) *Terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Skip("no pseudo-terminals here:", err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	x := &Terminal{t: t, Cmd: c, master: master, slave: slave, Ended: make(chan struct{}), screen: NewScreen(w, h),
		more: make(chan struct{}, 1)}
	x.setSize(w, h)
	x.before = x.termios()
	c.Stdin, c.Stdout = slave, slave
	if c.Stderr == nil {
		c.Stderr = slave
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	x.Began = time.Now()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	go x.read()
	go func() { _ = c.Wait(); close(x.Ended) }() // the state has more than the error
	t.Cleanup(func() {
		_ = c.Process.Kill()
		<-x.Ended
		x.Close()
		x.mu.Lock()
		defer x.mu.Unlock()
		if u := x.screen.Unknown(); len(u) > 0 {
			t.Errorf("the terminal was sent unknown sequences: %q", u)
		}
	})
	return x
}

func (x *Terminal) read() {
	buf := make([]byte, 1<<16)
	for {
		x.gate.Lock()
		n, err := x.master.Read(buf)
		x.gate.Unlock()
		x.mu.Lock()
		x.out = append(x.out, buf[:n]...)
		_, _ = x.screen.Write(buf[:n])
		x.bytes += n
		x.reads++
		x.mu.Unlock()
		select {
		case x.more <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

func (x *Terminal) termios() unix.Termios {
	x.t.Helper()
	tio, err := unix.IoctlGetTermios(int(x.slave.Fd()), unix.TCGETS)
	if err != nil {
		x.t.Fatal(err)
	}
	return *tio
}

func (x *Terminal) setSize(w, h int) {
	x.t.Helper()
	if err := unix.IoctlSetWinsize(int(x.master.Fd()), unix.TIOCSWINSZ,
		&unix.Winsize{Row: uint16(h), Col: uint16(w)}); err != nil {
		x.t.Fatal(err)
	}
}

// Resize changes the terminal's size and notifies the program.
func (x *Terminal) Resize(w, h int) {
	x.t.Helper()
	x.mu.Lock()
	x.screen.Resize(w, h)
	for i := range w * h { // what a terminal shows after a change of its size is anyone's guess
		x.screen.Scribble(i, "?")
	}
	x.mu.Unlock()
	x.setSize(w, h)
}

// Close closes the terminal.
func (x *Terminal) Close() {
	x.slave.Close()
	x.master.Close()
}

// Hold stops reading, as a stopped terminal does, until release is called. A read under way still completes.
func (x *Terminal) Hold() (release func()) {
	done := make(chan struct{})
	go func() { x.gate.Lock(); close(done) }()
	return sync.OnceFunc(func() { <-done; x.gate.Unlock() })
}

// Press sends keys. Wait and Sent ignore what the terminal was sent before.
func (x *Terminal) Press(keys string) {
	x.t.Helper()
	x.mu.Lock()
	x.out = nil
	x.mu.Unlock()
	if _, err := x.master.WriteString(keys); err != nil {
		x.t.Fatal(err)
	}
}

// Sent returns what the terminal was sent since the last Press.
func (x *Terminal) Sent() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return string(x.out)
}

// Screen returns what the terminal shows, row by row, without colours.
func (x *Terminal) Screen() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.screen.Text()
}

// Wait waits until the terminal has been sent the text in one piece since the last Press, and returns the time.
func (x *Terminal) Wait(text string) time.Time {
	x.t.Helper()
	return x.Until(text, func() bool { return strings.Contains(x.Sent(), text) })
}

// WaitScreen waits until the terminal shows the text, whenever and in however many pieces it was sent.
func (x *Terminal) WaitScreen(text string) time.Time {
	x.t.Helper()
	return x.Until(text, func() bool { return strings.Contains(x.Screen(), text) })
}

// Until waits until ok returns true. It checks whenever the terminal is sent something.
func (x *Terminal) Until(what string, ok func() bool) time.Time {
	x.t.Helper()
	late := time.After(patience)
	for !ok() {
		select {
		case <-x.more:
		case <-late:
			out := x.Sent()
			x.t.Fatalf("%q was never sent; the terminal got:\n%q\nand shows:\n%s", what,
				out[max(0, len(out)-2000):], x.Screen())
		}
	}
	return time.Now()
}

// Quiet waits until the terminal is sent nothing for a while.
func (x *Terminal) Quiet(while time.Duration) {
	x.t.Helper()
	for late := time.After(patience); ; {
		select {
		case <-x.more:
		case <-time.After(while):
			return
		case <-late:
			x.t.Fatal("the terminal is never quiet")
		}
	}
}

// End waits for the program to end, and checks its exit code and that the terminal is restored.
func (x *Terminal) End(code int) {
	x.t.Helper()
	select {
	case <-x.Ended:
	case <-time.After(patience):
		x.t.Fatalf("the process does not end; the terminal got\n%q", x.Sent())
	}
	// When this sequence arrives, everything written before it has arrived.
	const mark = "\x1b]9999;end\a"
	if _, err := x.slave.WriteString(mark); err != nil {
		x.t.Fatal(err)
	}
	x.Wait(mark)
	x.mu.Lock()
	on := x.screen.Modes()
	x.mu.Unlock()
	if len(on) > 0 {
		x.t.Errorf("left switched on: %s", strings.Join(on, ", "))
	}
	if now := x.termios(); now.Lflag != x.before.Lflag || now.Iflag != x.before.Iflag || now.Oflag != x.before.Oflag {
		x.t.Errorf("the terminal's modes differ: lflag %x, were %x", now.Lflag, x.before.Lflag)
	}
	if got := x.Cmd.ProcessState.ExitCode(); got != code {
		x.t.Errorf("exit code %d, want %d", got, code)
	}
}

// Cost is what a program used during a measurement.
type Cost struct {
	Over  time.Duration
	Bytes int           // sent to the terminal
	Reads int           // number of pieces they came in
	CPU   time.Duration // of the measured process, in all its threads
}

// Rate returns bytes per second.
func (c Cost) Rate() float64 { return float64(c.Bytes) / c.Over.Seconds() }

// Share returns the share of one processor, in percent.
func (c Cost) Share() float64 { return 100 * c.CPU.Seconds() / c.Over.Seconds() }

func (c Cost) String() string {
	return fmt.Sprintf("%.0f B/s, %.1f reads/s, %.2f %% of a processor", c.Rate(),
		float64(c.Reads)/c.Over.Seconds(), c.Share())
}

// Measure waits for a while and returns what the program used; pid is the process to measure.
func (x *Terminal) Measure(pid int, over time.Duration) (c Cost) {
	x.t.Helper()
	count := func() (int, int) {
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.bytes, x.reads
	}
	cpu, began := x.cpu(pid), time.Now()
	bytes, reads := count()
	time.Sleep(over)
	c.Bytes, c.Reads = count()
	c.Bytes, c.Reads, c.Over, c.CPU = c.Bytes-bytes, c.Reads-reads, time.Since(began), x.cpu(pid)-cpu
	return c
}

// cpu returns the processor time of a process's threads. It misses threads that have ended, but Go's rarely do.
func (x *Terminal) cpu(pid int) (sum time.Duration) {
	x.t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err == nil && len(threads) == 0 {
		err = errors.New("no schedstat")
	}
	if err != nil {
		x.t.Skipf("no processor times of process %d: %v", pid, err)
	}
	for _, f := range threads {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it has ended
		}
		first, _, _ := strings.Cut(string(b), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			x.t.Fatalf("%s: %q", f, b)
		}
		sum += time.Duration(ns)
	}
	return sum
}

// Writing reports whether a thread of a process is blocked in a write, because the terminal accepts nothing.
func Writing(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid)) // only a bad pattern is an error
	for _, f := range threads {
		b, err := os.ReadFile(f)
		if n, _, _ := strings.Cut(string(b), " "); err == nil && n == strconv.Itoa(unix.SYS_WRITE) {
			return true
		}
	}
	return false
}

// Memory returns the private memory of a process in bytes.
func (x *Terminal) Memory(pid int) int {
	x.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		x.t.Fatal(err)
	}
	var size, resident, shared int
	if _, err := fmt.Sscan(string(b), &size, &resident, &shared); err != nil {
		x.t.Fatalf("statm: %q, %v", b, err)
	}
	return (resident - shared) * os.Getpagesize()
}
