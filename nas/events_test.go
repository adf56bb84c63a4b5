package nas

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The sentence of each kind of event, live and read back from JSON.
func TestSentencesOfEvents(t *testing.T) {
	type data = map[string]any
	told := map[EventKind]bool{}
	for _, x := range []struct {
		kind  EventKind
		trial int
		data  data
		want  string
	}{
		{RunStarted, -1, data{"strategy": "ppo", "data": "cifar10", "seed": uint64(7)},
			"search started | ppo on cifar10 | seed 7"},
		{RunForked, -1, data{"parent_name": "a", "at": 3}, "forked from a at policy 3"},
		{UncleanEnd, -1, data{"pid": 4711, "host": "box"},
			"the last program to run this search (process 4711 on box) ended without closing it"},
		{RunPaused, -1, data{"reason": "all trials failed"}, "search paused: all trials failed"},
		{RunFinished, -1, data{"state": "done", "finished": 1}, "search done after 1 child"},
		{RunFinished, -1, data{"state": "stopped", "finished": 20, "reward": 0.7714, "cell": "9f2c41"},
			"search stopped after 20 children | best .7714 (9f2c)"},
		{RewardByCost, -1, data{"by": "madds", "target": 2e6, "weight": -0.07},
			"rewards are weighed by madds: target 2e+06, exponent -0.07"},
		{RewardByCost, -1, data{"by": "latency", "target": 2.0, "weight": -0.07, "warning": "latency is measured"},
			"rewards are weighed by latency: target 2, exponent -0.07 | latency is measured"},
		{MixedBuilds, -1, data{"message": "another build", "this": json.RawMessage(`{}`),
			"before": []json.RawMessage{}},
			"another build"},
		{PolicyRebuilt, -1, data{"version": 12},
			"policy 12 was missing or damaged; it was rebuilt from the stored rewards"},
		{SweepFailed, -1, data{"error": "no"}, "cannot remove the files of a killed process: no"},
		{TrialProposed, 5, data{"cell": "9f2c41", "kind": "sample", "policy": 3, "repeat_of": 2},
			"child 5 proposed | cell 9f2c by policy 3 | repeats child 2"},
		{TrialProposed, 4, data{"cell": "9f2c41", "kind": "shadow", "policy": -1},
			"child 4 proposed | cell 9f2c at random"},
		{TrialStarted, FirstManual, data{"cell": "9f2c41", "kind": "edit"}, "child h1 started | cell 9f2c | by hand"},
		{TrialWaits, 5, data{"bytes": int64(3 << 30), "free": int64(1 << 30), "limit": int64(4 << 30)},
			"child 5 is waiting for 3 GiB of memory; 1 GiB of 4 GiB free"},
		{EpochEnded, 5, data{"epoch": 2, "epochs": 20, "train_loss": 1.2345, "val_acc": 0.5},
			"child 5 epoch 2/20 | loss 1.234 | val .5000"},
		{CheckpointFailed, 5, data{"epoch": 2, "error": "no"},
			"child 5: no checkpoint after epoch 2: no"},
		{CheckpointLost, 5, data{"epoch": 2, "error": "no"},
			"child 5 starts over: cannot read its checkpoint after epoch 2: no"},
		{TrialFinished, 5, data{"reward": 0.75, "cell": "9f2c41"}, "child 5 done: .7500 | cell 9f2c"},
		{TrialFinished, 5, data{"reward": 0.75, "cell": "9f2c41", "advantage": 0.0125, "best_by": 0.002},
			"child 5 done: .7500, new best by .0020 (+.013 over baseline) | cell 9f2c"},
		{TrialFinished, 5, data{"reward": 1, "cell": "9f2c41", "repeat_of": 0},
			"child 5 done: 1.000 | cell 9f2c | repeats child 0"},
		{TrialFailed, 5, data{"fail_kind": "diverged", "error": "the loss is NaN", "cell": "9f2c41"},
			"child 5 diverged: the loss is NaN | cell 9f2c"},
		{TrialStopped, 5, data{"cell": "9f2c41"}, "child 5 stopped by hand | cell 9f2c"},
		{TrialStalled, 5, data{"seconds": 600.0}, "child 5 made no step for 10:00 and was cancelled"},
		{TrialLeftBehind, 5, data{"seconds": 10.0},
			"child 5 did not end within 0:10 of the search's end; on resume it continues from its last checkpoint"},
		{RunRecovered, -1, data{"file": "before-recover-1", "first": 1.0, "last": 18.0},
			"the run was recovered; what was there before is kept in before-recover-1"},
		{EventsRestored, -1, data{"events": 12.0, "first": 7.0, "last": 18.0},
			"the database had lost its last 12 events; log.jsonl brought them back"},
		{LogSetAside, -1, data{"file": "log.jsonl.1"},
			"log.jsonl did not match the database; it is kept as log.jsonl.1, and a new one was written"},
		{WeightsLost, FirstManual + 1, data{"error": "no"}, "child h2: cannot store its weights: no"},
		{ControllerUpdate, -1, data{"version": 12, "mean_reward": 0.7, "baseline": 0.69, "entropy": 21.37,
			"kl": 0.0061},
			"policy 12: mean .7000, baseline .6900, entropy 21.4 nats, KL 0.006"},
		{DiskFull, -1, data{"need": int64(4096), "free": int64(512)},
			"the disk is full: 4 KiB needed, 512 bytes free; the search waits for space"},
		{DiskWaited, -1, data{"seconds": 90.0}, "the disk has space again; the search waited 1:30"},
		{UserCommand, -1, data{"message": "paused"}, "you: paused"},
		{UserCommand, -1, data{"message": "paused", "from": "ctl"}, "ctl: paused"},
		{UserCommand, -1, data{"message": "noted {child} [x]"}, "you: noted {child} [x]"},
		{ScreenAttached, -1, data{"message": "the screen of a is attached"}, "the screen of a is attached"},
		{ScreenLeft, -1, data{"message": "the screen of a has left"}, "the screen of a has left"},
		{ControlTaken, -1, data{"message": "the screen of a has control"}, "the screen of a has control"},
		{TerminalGone, -1, data{"message": "the terminal is gone"}, "the terminal is gone"},
	} {
		told[x.kind] = true
		e := NewEvent(time.Unix(0, 0), "a", x.kind, x.trial, x.data)
		if got := strings.Join(e.Sentence(), " | "); got != x.want {
			t.Errorf("%s: %q; want %q", x.kind, got, x.want)
		}
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var read Event
		if err := json.Unmarshal(b, &read); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(read.Sentence(), " | "); got != x.want {
			t.Errorf("%s, read back: %q; want %q", x.kind, got, x.want)
		}
	}
	for _, r := range EventKinds {
		if !told[r.Kind] {
			t.Errorf("the sentence of %s is not tested", r.Kind)
		}
	}
}

// The sentence of an event of another build has no gaps: a part that lacks a field is omitted, and without its first
// part the sentence is the kind with the message.
func TestSentencesOfEventsOfOtherBuilds(t *testing.T) {
	type data = map[string]any
	for _, x := range []struct {
		kind EventKind
		data data
		want string
	}{
		{"new_kind", nil, "new_kind"},
		{"new_kind", data{"message": "hello"}, "new_kind: hello"},
		{"new_kind", data{"message": 5, "error": "no"}, "new_kind: no"},
		{"", nil, ""},
		{ScreenLeft, nil, "screen_left"},
		{UserCommand, data{"message": []any{"paused"}, "from": "ctl"}, "user"},
		{TrialFailed, data{"error": "the loss is NaN", "cell": "9f2c41"}, "trial_failed: the loss is NaN"},
		{TrialFailed, data{"fail_kind": "diverged", "error": "the loss is NaN", "cell": 5},
			"child 5 diverged: the loss is NaN"},
		{TrialFinished, data{"reward": "high", "cell": "9f2c41"}, "trial_finished"},
		{TrialFinished, data{"reward": 0.5, "best_by": "much", "cell": "é"}, "child 5 done: .5000 | cell é"},
		{RunStarted, data{"seed": 1.0}, "search started | seed 1"},
		{DiskFull, data{"need": nil}, "disk_full"},
	} {
		if got := strings.Join((Event{Kind: x.kind, Trial: 5, Data: x.data}).Sentence(), " | "); got != x.want {
			t.Errorf("%q %v: %q; want %q", x.kind, x.data, got, x.want)
		}
	}
	for _, r := range EventKinds {
		for _, odd := range []any{nil, []any{"x"}, map[string]any{}, true, -1e300, "\x1b[2J"} {
			d := data{}
			for _, f := range strings.Fields(r.Fields) {
				d[f] = odd
			}
			if s := (Event{Kind: r.Kind, Trial: -7, Data: d}).Sentence(); slices.Contains(s, "") || len(s) == 0 {
				t.Errorf("%s with %v says %q", r.Kind, odd, s)
			}
		}
	}
}

func TestAnEventThatTheTableDoesNotListPanics(t *testing.T) {
	type data = map[string]any
	for what, f := range map[string]func(){
		"an unknown kind":  func() { NewEvent(time.Now(), "a", "no_such_kind", -1, nil) },
		"an unknown field": func() { NewEvent(time.Now(), "a", DiskWaited, -1, data{"minutes": 1}) },
		"another's field":  func() { NewEvent(time.Now(), "a", DiskWaited, -1, data{"cell": "9f2c41"}) },
		"a number as text": func() { NewEvent(time.Now(), "a", DiskWaited, -1, data{"seconds": "1"}) },
		"a text of a type": func() { NewEvent(time.Now(), "a", TrialStopped, -1, data{"kind": Random}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s is accepted", what)
				}
			}()
			f()
		}()
	}
}

// Kinds and fields have one row each, some event carries every field, and sentences use only fields of their events.
func TestTablesOfEventsAgree(t *testing.T) {
	// reserved for every event, for lines of the log, for sentences
	own := []string{"ts", "t", "run", "level", "trial", "id", "child"}
	carried, kinds, fields := map[string]bool{}, map[EventKind]bool{}, map[string]bool{}
	for _, r := range EventKinds {
		if kinds[r.Kind] {
			t.Errorf("%s has two rows", r.Kind)
		}
		kinds[r.Kind] = true
		for _, name := range strings.Fields(r.Fields) {
			carried[name] = true
			if fieldUnits[name] == nil {
				t.Errorf("%s: field %s has no row", r.Kind, name)
			}
		}
		told := regexp.MustCompile(`{(\w+)`).FindAllStringSubmatch(strings.Join(r.Sentence, " "), -1)
		for _, m := range told {
			if m[1] != "child" && !slices.Contains(strings.Fields(r.Fields), m[1]) {
				t.Errorf("%s tells %s, which it does not carry", r.Kind, m[1])
			}
		}
	}
	for _, f := range EventFields {
		if fields[f.Name] || slices.Contains(own, f.Name) {
			t.Errorf("the name %s is taken", f.Name)
		}
		fields[f.Name] = true
		if !carried[f.Name] {
			t.Errorf("no event carries %s", f.Name)
		}
		if f.Help == "" || strings.HasSuffix(f.Help, ".") {
			t.Errorf("%s: help is %q", f.Name, f.Help)
		}
	}
}
