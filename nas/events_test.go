package nas

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSentencesOfEvents(t *testing.T) {
	type data = map[string]any
	for _, x := range []struct {
		kind  EventKind
		trial int
		data  data
		want  string
	}{
		{RunStarted, -1, data{"strategy": "ppo", "data": "cifar10", "seed": uint64(7)}, "search started | ppo on cifar10 | seed 7"},
		{RunFinished, -1, data{"state": "done", "finished": 1}, "search done after 1 child"},
		{RunFinished, -1, data{"state": "stopped", "finished": 20, "reward": 0.7714, "cell": "9f2c41"}, "search stopped after 20 children | best .7714 (9f2c)"},
		{RewardByCost, -1, data{"by": "madds", "target": 2e6, "weight": -0.07}, "rewards weigh madds: target 2e+06, exponent -0.07"},
		{PolicyRebuilt, -1, data{"version": 12}, "policy 12 was missing or damaged, and was made again from the stored rewards"},
		{TrialProposed, 5, data{"cell": "9f2c41", "kind": "sample", "policy": 3, "repeat_of": 2}, "child 5 proposed | cell 9f2c by policy 3 | as child 2"},
		{TrialProposed, 4, data{"cell": "9f2c41", "kind": "shadow", "policy": -1}, "child 4 proposed | cell 9f2c, random"},
		{TrialStarted, FirstManual, data{"cell": "9f2c41", "kind": "edit"}, "child h1 started | cell 9f2c | by hand"},
		{TrialWaits, 5, data{"bytes": int64(3 << 30), "free": int64(1 << 30), "limit": int64(4 << 30)}, "child 5 waits for 3 GiB of memory; 1 GiB of 4 GiB are free"},
		{TrialFinished, 5, data{"reward": 0.75, "cell": "9f2c41", "advantage": 0.0125, "best_by": 0.002}, "child 5 done: .7500, new best by .0020 (+.013 over baseline) | cell 9f2c"},
		{TrialFailed, 5, data{"fail_kind": "diverged", "error": "the loss is NaN", "cell": "9f2c41"}, "child 5 diverged: the loss is NaN | cell 9f2c"},
		{TrialStalled, 5, data{"seconds": 600.0}, "child 5 made no step for 10:00 and is told to end"},
		{DiskFull, -1, data{"need": int64(4096), "free": int64(512)}, "the disk is full: 4 KiB needed, 512 bytes free; the search waits for room"},
		{DiskWaited, -1, data{"seconds": 90.0}, "the disk has room again; the search waited 1:30"},
		{UserCommand, -1, data{"message": "paused"}, "you: paused"},
		{UserCommand, -1, data{"message": "paused", "from": "ctl"}, "ctl: paused"},
		{ScreenLeft, -1, data{"message": "the screen of a on pts/1 has left"}, "the screen of a on pts/1 has left"},
	} {
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
}

// What another build wrote has a sentence, whatever its fields are.
func TestEventsOfOtherBuildsHaveASentence(t *testing.T) {
	for _, r := range EventKinds {
		odd := map[string]any{}
		for _, f := range strings.Fields(r.Fields) {
			odd[f] = []any{"x", 1.5}
		}
		for _, d := range []map[string]any{nil, {}, odd, {"cell": "é"}} {
			if s := (Event{Kind: r.Kind, Data: d}).Sentence(); len(s) == 0 {
				t.Errorf("%s with %v has no sentence", r.Kind, d)
			}
		}
	}
	for want, e := range map[string]Event{"new_kind": {Kind: "new_kind"}, "new_kind: hello": {Kind: "new_kind", Data: map[string]any{"message": "hello"}}} {
		if got := strings.Join(e.Sentence(), " | "); got != want {
			t.Errorf("%q; want %q", got, want)
		}
	}
}

func TestAnEventThatTheTableLacksIsAFault(t *testing.T) {
	for what, f := range map[string]func(){
		"kind":  func() { NewEvent(time.Now(), "a", "no_such_kind", -1, nil) },
		"field": func() { NewEvent(time.Now(), "a", DiskWaited, -1, map[string]any{"minutes": 1}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("an unknown %s is taken", what)
				}
			}()
			f()
		}()
	}
}

// Every row is emitted somewhere, and its name is in no other place.
func TestEveryKindOfEventIsEmitted(t *testing.T) {
	var code []byte
	for _, pattern := range []string{"search/*.go", "remote/*.go", "../tui/cli/*.go", "../tui/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, f := range files {
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			code = append(code, b...)
		}
	}
	consts, err := os.ReadFile("events.go")
	if err != nil {
		t.Fatal(err)
	}
	var seen []EventKind
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+) +EventKind = "(\w+)"`).FindAllSubmatch(consts, -1) {
		kind := EventKind(m[2])
		if _, ok := kind.row(); !ok || slices.Contains(seen, kind) {
			t.Errorf("%s has no row of its own", kind)
		}
		seen = append(seen, kind)
		if !regexp.MustCompile(`(emit|event|tell|told|Tell)\((ctx, )?nas\.` + string(m[1]) + `\b`).Match(code) {
			t.Errorf("%s is emitted nowhere", kind)
		}
		if regexp.MustCompile(`"`+string(kind)+`"`).Match(code) && kind != EpochEnded && kind != "user" {
			t.Errorf("%s is written by hand somewhere", kind)
		}
	}
	if len(seen) != len(EventKinds) {
		t.Errorf("%d constants, %d rows", len(seen), len(EventKinds))
	}
}
