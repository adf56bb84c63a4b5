package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"nasnet/nas"
)

// Protocol is the version of the protocol. It increases when an older program would misunderstand a newer one. New
// fields do not count.
const Protocol = 1

const (
	prefix         = "/v1/"
	protocolHeader = "Nasnet-Protocol"
	seatHeader     = "Nasnet-Seat"
	pidHeader      = "Nasnet-Pid" // of the client, used where the system cannot tell
	ttyHeader      = "Nasnet-Tty"
)

// Limits of what one side accepts from the other.
const (
	maxRequest = 128 << 10 // bytes of a request's body: a command with a cell has about 2 kB
	maxHeader  = 8 << 10
	maxLine    = 64 << 20 // bytes of a line or an answer: a snapshot has about 1 MB
	maxConns   = 64
	maxStreams = 32
)

// Errors that a caller may branch on. If the search has ended, the error is [nas.ErrClosed].
var (
	ErrNotRunning = errors.New("no program runs it")                // there is no socket, or nobody listens on it
	ErrControl    = errors.New("this screen does not have control") // the error's text names the screen that has it
	// the other program has another version
	ErrProtocol = errors.New("the programs speak different protocols")
	ErrBusy     = errors.New("too many requests")                         // more than the server accepts
	ErrTooLong  = errors.New("the path of the socket is too long")        // and this system has no way around it
	ErrStranger = errors.New("the other process belongs to another user") // at the other end of the socket
)

// codes maps the names of errors in JSON to the errors that a client can recognise.
var codes = map[string]error{"closed": nas.ErrClosed, "control": ErrControl, "protocol": ErrProtocol, "busy": ErrBusy}

// failure is the body of an error.
type failure struct {
	Error string `json:"error"`
	Code  string `json:"code,omitempty"`
}

// answered is an error reported by the other side.
type answered struct {
	text string
	is   error // of codes, or nil
}

func (a answered) Error() string { return a.text }
func (a answered) Unwrap() error { return a.is }

func (f failure) err() error { return answered{f.Error, codes[f.Code]} }

func failureOf(err error) failure {
	for code, is := range codes {
		if errors.Is(err, is) {
			return failure{err.Error(), code}
		}
	}
	return failure{Error: err.Error()}
}

// line is one line of a stream.
type line struct {
	Time time.Time `json:"ts"`
	Type string    `json:"t"` // "snapshot" or "end"
	Run  string    `json:"run"`
	// this and the next three are only in the first line
	Protocol int                        `json:"protocol,omitempty"`
	Program  string                     `json:"program,omitempty"`
	PID      int                        `json:"pid,omitempty"`
	Seat     string                     `json:"seat,omitempty"`
	Reason   string                     `json:"reason,omitempty"` // "end": why
	Control  *nas.Control               `json:"control,omitempty"`
	Snapshot map[string]json.RawMessage `json:"snapshot,omitempty"` // the fields that changed
}

// whole is the answer to GET snapshot.
type whole struct {
	Snapshot *nas.Snapshot `json:"snapshot"`
	Control  nas.Control   `json:"control"`
}

// checkProtocol returns an error if the version in a header is not ours. who is the side that sent it; program is its
// name, or empty.
func checkProtocol(header, who, program string) error {
	if n, err := strconv.Atoi(header); err == nil && n == Protocol {
		return nil
	}
	if header == "" {
		header = "none"
	}
	if program != "" {
		program = " (" + program + ")"
	}
	return fmt.Errorf("%w: the %s%s speaks protocol %.20s, this program %d; run the same version on both sides",
		ErrProtocol, who, program, header, Protocol)
}
