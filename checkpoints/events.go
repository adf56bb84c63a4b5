package checkpoints

import (
	"database/sql"
	"fmt"
	"time"
)

// insertEvents stores events after number last and sets their ID, time and level in place.
func insertEvents(tx *sql.Tx, events []Event, last int64, incarnation int, now time.Time) error {
	for i := range events {
		e := &events[i]
		last++
		e.ID = last
		if e.Time.IsZero() {
			e.Time = now.UTC()
		}
		if e.Level == "" {
			e.Level = "info"
		}
		var trial any
		if e.Trial >= 0 {
			trial = e.Trial
		}
		_, err := tx.Exec("INSERT INTO event(id, time_ns, incarnation, level, kind, trial, body) VALUES(?,?,?,?,?,?,?)",
			e.ID, e.Time.UnixNano(), incarnation, e.Level, e.Kind, trial, text(e.Body))
		if err != nil {
			return fmt.Errorf("event %s: %w", e.Kind, err)
		}
	}
	return nil
}

// AddEvent stores events that belong to no other change.
func (s *Store) AddEvent(events ...Event) error { return s.change(events, nil) }

// OpeningEvents returns the events that [Open] stored.
func (s *Store) OpeningEvents() []Event { return s.opening }

// LastEventID returns the number of the newest event, or 0. The next event stored gets the next number.
func (s *Store) LastEventID() (id int64, err error) {
	err = s.read(func(db *sql.DB) error { return db.QueryRow("SELECT coalesce(max(id), 0) FROM event").Scan(&id) })
	return id, err
}

// Events returns up to limit events with numbers above after, oldest first; all of them if limit is negative.
func (s *Store) Events(after int64, limit int) (es []Event, err error) {
	err = s.read(func(db *sql.DB) error { es, err = readEvents(db, after, limit); return err })
	return es, err
}

func readEvents(db *sql.DB, after int64, limit int) ([]Event, error) {
	var es []Event
	err := scan(db, "SELECT id, time_ns, level, kind, coalesce(trial, -1), body FROM event WHERE id > ? ORDER BY id "+
		"LIMIT ?", []any{after, limit}, func(row *row) error {
		es = append(es, Event{ID: row.int64(), Time: row.time(), Level: row.text(), Kind: row.text(), Trial: row.int(),
			Body: row.bytes()})
		return nil
	})
	return es, err
}
