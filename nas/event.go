package nas

import (
	"encoding/json"
	"maps"
	"time"
)

// Event is something that happened to a run. It is stored, logged, shown and printed in the same form.
type Event struct {
	ID    int64          `json:"-"` // place in the run's log
	Time  time.Time      `json:"-"`
	Level string         `json:"-"` // "info", "warn" or "error"
	Kind  string         `json:"-"` // run_started, trial_proposed, trial_started, epoch, trial_finished, trial_failed, controller_update, run_finished, user, …
	Run   string         `json:"-"` // name of the run
	Trial int            `json:"-"` // -1 = none
	Data  map[string]any `json:"-"`
}

// MarshalJSON writes the line that a headless search prints: ts, t, run and level first in meaning, then trial and the event's own fields.
func (e Event) MarshalJSON() ([]byte, error) {
	m := make(map[string]any, len(e.Data)+5)
	maps.Copy(m, e.Data)
	m["ts"], m["t"], m["run"] = e.Time.UTC().Format(time.RFC3339Nano), e.Kind, e.Run
	if e.Level != "" && e.Level != "info" {
		m["level"] = e.Level
	}
	if e.Trial >= 0 {
		m["trial"] = e.Trial
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (e *Event) UnmarshalJSON(b []byte) error {
	m := map[string]any{}
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	text := func(k string) string { s, _ := m[k].(string); delete(m, k); return s }
	at, err := time.Parse(time.RFC3339Nano, text("ts"))
	if err != nil {
		return err
	}
	*e = Event{Time: at, Kind: text("t"), Run: text("run"), Level: text("level"), Trial: -1}
	if e.Level == "" {
		e.Level = "info"
	}
	if n, ok := m["trial"].(float64); ok {
		e.Trial = int(n)
		delete(m, "trial")
	}
	e.Data = m
	return nil
}
