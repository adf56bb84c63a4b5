package nas

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Event is something that happened to a run. It is stored, logged, shown and printed in the same form, except that the
// ends of epochs are stored as rows of numbers.
type Event struct {
	Time  time.Time      `json:"-"`
	Level string         `json:"-"` // Info, Warn or Error
	Kind  EventKind      `json:"-"` // a row of EventKinds, or a kind of another build
	Run   string         `json:"-"` // name of the run
	Trial int            `json:"-"` // -1 = none
	Data  map[string]any `json:"-"`
}

// NewEvent returns an event with the level of its kind. It panics if the kind has no row, if the row does not list a
// field of the data, or if a value does not fit its field's unit.
func NewEvent(at time.Time, run string, kind EventKind, trial int, data map[string]any) Event {
	r, ok := kind.row()
	if !ok {
		panic(fmt.Sprintf("nas: unknown kind of event %q", kind))
	}
	for name, v := range data {
		if !slices.Contains(strings.Fields(r.Fields), name) {
			panic(fmt.Sprintf("nas: event %s has no field %q; it has %s", kind, name, r.Fields))
		}
		if _, ok := fieldText(name, v); !ok {
			panic(fmt.Sprintf("nas: event %s: field %s cannot be %v (%T)", kind, name, v, v))
		}
	}
	return Event{Time: at, Level: r.Level, Kind: kind, Run: run, Trial: trial, Data: data}
}

// row returns the row of the kind; ok is false if the kind comes from another build.
func (k EventKind) row() (r EventRow, ok bool) {
	i := slices.IndexFunc(EventKinds, func(r EventRow) bool { return r.Kind == k })
	if i < 0 {
		return r, false
	}
	return EventKinds[i], true
}

// Common reports whether events of the kind are too frequent to show as news.
func (k EventKind) Common() bool {
	r, _ := k.row()
	return r.Common
}

// Sentence describes the event to a person, as the row of its kind says, in parts that a screen separates. If the kind
// has no row, or the event lacks a field of the first part, another build wrote it: then the sentence is the kind and
// the message.
func (e Event) Sentence() (parts []string) {
	r, _ := e.Kind.row()
	for i, p := range r.Sentence {
		if text, ok := e.fill(p); ok {
			parts = append(parts, text)
		} else if i == 0 {
			break
		}
	}
	if parts != nil {
		return parts
	}
	for _, name := range []string{"message", "error", "reason"} {
		if text, ok := e.field(name); ok {
			return []string{string(e.Kind) + ": " + text}
		}
	}
	return []string{string(e.Kind)}
}

// fill returns one part of a sentence with its fields filled in, see [EventRow]; ok is false if the event lacks one.
func (e Event) fill(part string) (text string, ok bool) {
	for {
		i := strings.IndexAny(part, "{[")
		if i < 0 {
			return text + part, true
		}
		text += part[:i]
		if part[i] == '[' {
			inner, rest, _ := strings.Cut(part[i+1:], "]")
			if s, ok := e.fill(inner); ok {
				text += s
			}
			part = rest
			continue
		}
		inner, rest, _ := strings.Cut(part[i+1:], "}")
		name, otherwise, optional := strings.Cut(inner, "|")
		s, ok := e.field(name)
		if !ok && !optional {
			return "", false
		} else if !ok {
			s = otherwise
		}
		text, part = text+s, rest
	}
}

// field formats a field for people; ok is false if the event lacks it or its value does not fit the unit.
func (e Event) field(name string) (text string, ok bool) {
	if name == "child" {
		return "child " + TrialLabel(e.Trial), e.Trial >= 0
	}
	return fieldText(name, e.Data[name])
}

// fieldText formats a value of the named field; ok is false if the value does not fit the field's unit.
func fieldText(name string, v any) (text string, ok bool) {
	u := fieldUnits[name]
	if u == nil {
		return "", false
	}
	return u.text(v)
}

// MarshalJSON returns the line that a headless search prints: ts, t and run, level unless it is info, trial if there
// is one, and the event's own fields.
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

// UnmarshalJSON reads a line of MarshalJSON. Numbers among the event's own fields become float64.
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
