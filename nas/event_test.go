package nas

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"
)

func TestAnEventIsReadBackAsItWasWritten(t *testing.T) {
	at := time.Date(2026, 3, 14, 12, 41, 7, 123456789, time.UTC)
	for _, e := range []Event{
		{Time: at, Level: "info", Kind: "run_started", Run: "a", Trial: -1,
			Data: map[string]any{"strategy": "ppo", "seed": 1.0, "data": "cifar10"}},
		{Time: at, Level: "warn", Kind: "trial_failed", Run: "a", Trial: 0,
			Data: map[string]any{"error": "loss is NaN", "nested": map[string]any{"x": []any{1.5, "y", nil}}}},
		{Time: at, Level: "error", Kind: "", Run: "", Trial: FirstManual, Data: map[string]any{}},
	} {
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var got Event
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Errorf("got  %+v\nwant %+v", got, e)
		}
	}
	for _, bad := range []string{`{}`, `[]`, `{"ts":5}`, `{"ts":"yesterday"}`, `null`} {
		if err := json.Unmarshal([]byte(bad), new(Event)); err == nil {
			t.Errorf("%s is read as an event", bad)
		}
	}
}
