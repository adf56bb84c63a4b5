package nas

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Event is something that happened to a run. It is stored, logged, shown and printed in the same form; the ends of epochs are stored as numbers instead.
type Event struct {
	Time  time.Time      `json:"-"`
	Level string         `json:"-"` // Info, Warn or Error
	Kind  EventKind      `json:"-"` // a row of EventKinds, or one of another build
	Run   string         `json:"-"` // name of the run
	Trial int            `json:"-"` // -1 = none
	Data  map[string]any `json:"-"`
}

// MarshalJSON writes the line that a headless search prints: ts, t, run and level first in meaning, then trial and the event's own fields.
func (e Event) MarshalJSON() ([]byte, error) {
	m := make(map[string]any, len(e.Data)+5)
	maps.Copy(m, e.Data)
	m["ts"], m["t"], m["run"] = e.Time.UTC().Format(time.RFC3339Nano), e.Kind, e.Run
	if e.Level != "" && e.Level != Info {
		m["level"] = e.Level
	}
	if e.Trial >= 0 {
		m["trial"] = e.Trial
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads what MarshalJSON writes. Numbers among the event's own fields become float64.
func (e *Event) UnmarshalJSON(b []byte) error {
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	ts, _ := m["ts"].(string)
	at, err := time.Parse(time.RFC3339Nano, ts)
	if err != nil {
		return fmt.Errorf("event: ts: %w", err)
	}
	*e = Event{Time: at, Level: Info, Trial: -1}
	kind, _ := m["t"].(string)
	e.Kind = EventKind(kind)
	e.Run, _ = m["run"].(string)
	if l, ok := m["level"].(string); ok {
		e.Level = l
	}
	if t, ok := m["trial"].(float64); ok && t >= 0 && t < 1<<53 {
		e.Trial = int(t)
	}
	for _, own := range []string{"ts", "t", "run", "level", "trial"} {
		delete(m, own)
	}
	e.Data = m
	return nil
}
