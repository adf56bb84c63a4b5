package checkpoints

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

const logName = "log.jsonl"

// eventLog is log.jsonl: the event table as text. It is written after the commit and not synced; the database is the
// truth. Lines lost in a crash or on a full disk are added at the next opportunity.
type eventLog struct {
	path, run string
	f         *os.File // nil: not open
	last      int64    // number of the last event in the file
	err       error    // of the last attempt
	aside     string   // new name of a file that was not this run's log; empty: there was none
}

// openLog brings the file up to date with the database. It cannot fail; close reports what went wrong.
func openLog(dir, run string, db *sql.DB) *eventLog {
	l := &eventLog{path: filepath.Join(dir, logName), run: run}
	l.err = l.catchUp(db)
	return l
}

// append adds events that were just committed.
func (l *eventLog) append(db *sql.DB, events []Event) {
	if len(events) == 0 {
		return
	}
	if l.f == nil || events[0].ID != l.last+1 {
		l.err = l.catchUp(db)
		return
	}
	l.err = l.write(events)
}

func (l *eventLog) write(events []Event) error {
	var b bytes.Buffer
	for _, e := range events {
		line, err := logLine(e, l.run)
		if err != nil {
			return err
		}
		b.Write(line)
	}
	if _, err := l.f.Write(b.Bytes()); err != nil {
		l.f.Close()
		l.f = nil
		return err
	}
	l.last = events[len(events)-1].ID
	return nil
}

// catchUp opens the file, cuts off a torn end and adds the missing events.
func (l *eventLog) catchUp(db *sql.DB) error {
	if l.f != nil {
		l.f.Close()
	}
	f, err := openPlain(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND)
	if err != nil {
		l.f = nil
		return err
	}
	l.f = f
	var newest int64
	if err := db.QueryRow("SELECT coalesce(max(id), 0) FROM event").Scan(&newest); err != nil {
		return err
	}
	size, last, err := lastLine(f)
	if err != nil || last > newest { // garbage, or another run's: keep it, and make a new one from the database
		f.Close()
		l.f = nil
		if l.aside, err = setAside(l.path); err != nil {
			return err
		}
		return l.catchUp(db)
	}
	if err := f.Truncate(size); err != nil { // a line that was cut off
		return err
	}
	l.last = last
	for l.last < newest {
		es, err := readEvents(db, l.last, 1000)
		if err != nil {
			return err
		}
		if len(es) == 0 {
			return nil
		}
		if err := l.write(es); err != nil {
			return err
		}
	}
	return nil
}

// lastLine finds the end of the last whole line and the number of its event.
func lastLine(f *os.File) (size, id int64, err error) {
	st, err := f.Stat()
	if err != nil || st.Size() == 0 {
		return 0, 0, err
	}
	const longest = 1 << 20
	from := max(0, st.Size()-longest)
	b, err := io.ReadAll(io.NewSectionReader(f, from, longest))
	if err != nil {
		return 0, 0, err
	}
	end := bytes.LastIndexByte(b, '\n')
	if end < 0 {
		return 0, 0, errors.New("no line")
	}
	start := bytes.LastIndexByte(b[:end], '\n') + 1
	var line struct {
		ID int64 `json:"id"`
	}
	if err := json.Unmarshal(b[start:end], &line); err != nil {
		return 0, 0, err
	}
	if line.ID <= 0 {
		return 0, 0, errors.New("no number")
	}
	return from + int64(end) + 1, line.ID, nil
}

func (l *eventLog) close(db *sql.DB) error {
	if l.err != nil {
		l.err = l.catchUp(db)
	}
	if l.f != nil {
		if err := l.f.Close(); l.err == nil {
			l.err = err
		}
	}
	return l.err
}

// logLine returns an event as one line: id, ts, t, run, level if not info, trial if any, then the members of its body.
// A body that is not an object becomes the member "body".
func logLine(e Event, run string) ([]byte, error) {
	m := map[string]any{}
	if e.Body != nil {
		var members map[string]json.RawMessage
		if json.Unmarshal(e.Body, &members) == nil && members != nil {
			for k, v := range members {
				m[k] = v
			}
		} else {
			m["body"] = json.RawMessage(e.Body)
		}
	}
	m["id"], m["ts"], m["t"], m["run"] = e.ID, e.Time.UTC().Format(time.RFC3339Nano), e.Kind, run
	if e.Level != "info" {
		m["level"] = e.Level
	}
	if e.Trial >= 0 {
		m["trial"] = e.Trial
	}
	line, err := json.Marshal(m)
	return append(line, '\n'), err
}
