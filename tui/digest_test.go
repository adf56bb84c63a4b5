package tui

import (
	"context"
	"strings"
	"testing"
	"time"

	"nasnet/nas"
	"nasnet/tui/term"
)

func TestTheDigestShowsWhatHappened(t *testing.T) {
	th := newTheme(term.Unicode, mono)
	tell := func(a, b *nas.Snapshot) string {
		var out []string
		for _, l := range digest(th, a, b) {
			out = append(out, l.label+": "+l.text)
		}
		return strings.Join(out, "\n")
	}
	rows := []struct {
		name   string
		change func(a, b *nas.Snapshot)
		want   []string
		never  string
	}{
		{"a new best and by how much", func(_, _ *nas.Snapshot) {},
			[]string{"new best: .7714 (child 1107 (a9be)), +0.0025 over .7689"}, ""},
		{"the same best", func(a, b *nas.Snapshot) { a.Best = b.Best }, []string{"best: still .7714"}, "new best"},
		{"children and repeats", func(_, _ *nas.Snapshot) {},
			[]string{"children: 220 children have finished, 23 repeats among them; 1284 of 20000 in all"}, ""},
		{"failures with the reason of the last", func(a, b *nas.Snapshot) { b.Recent[1].Finished = noon },
			[]string{"failures: 2 children failed: loss is NaN at step 61"}, ""},
		{"what the policy learned", func(_, _ *nas.Snapshot) {},
			[]string{"policy: 27 updates, entropy 28.6 to 21.2 nats, mean reward", "surer of"}, ""},
		{"a collapse", func(_, b *nas.Snapshot) { b.Policy.Entropy = 1 }, []string{"collapsed: 1.0 of 45.2"}, ""},
		{"a later end", func(_, _ *nas.Snapshot) {}, []string{"ETA: 10d23h to go, 23h00 later than before"}, ""},
		{"an end as expected", func(a, b *nas.Snapshot) { a.ETA = b.ETA + 3*time.Hour },
			[]string{"ETA: 10d23h to go, as expected"}, "later"},
		{"an earlier end", func(a, b *nas.Snapshot) { a.ETA = b.ETA + 43*time.Hour }, []string{"40h00", "earlier"}, ""},
		{"a retrain of the user's", func(_, b *nas.Snapshot) { b.Retrains[1].Finished = noon },
			[]string{"yours: retrain h8 .7668"}, ""},
		{"whether random cells are beaten", func(_, _ *nas.Snapshot) {},
			[]string{"verdict: beats random: the controller's last 20 average 0.718 against 0.553"}, ""},
		{"the end of the search", func(_, b *nas.Snapshot) { b.State = nas.Done }, []string{"search: done"}, ""},
		{"a pause and why", func(_, b *nas.Snapshot) { b.State, b.Reason = nas.Paused, "all failed" },
			[]string{"search: paused: all failed"}, ""},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			a, b := earlier(), busy()
			r.change(a, b)
			got := strings.ReplaceAll(tell(a, b), "1d16h", "40h00")
			for _, w := range r.want {
				if !strings.Contains(got, w) {
					t.Errorf("no %q in\n%s", w, got)
				}
			}
			if r.never != "" && strings.Contains(got, r.never) {
				t.Errorf("%q in\n%s", r.never, got)
			}
		})
	}
	s := busy()
	later := *s
	later.Version, later.Time = s.Version+1, s.Time.Add(time.Hour)
	later.ETA = s.ETA - time.Hour
	if got := tell(s, &later); got != "" {
		t.Errorf("nothing has happened, but it shows\n%s", got)
	}
}

func TestTheDigestOpensWithTheFirstKeyAndClosesWithTheNext(t *testing.T) {
	d := drive(t, busy(), 100, 30).press("(away)", "x")
	if _, ok := d.m.top().(*digestDialog); !ok || !strings.Contains(d.text(), "While you were away: 3h00") {
		t.Fatalf("no digest:\n%s", d.text())
	}
	if d.press("x"); len(d.m.stack) != 1 {
		t.Fatalf("%T is on top after a second key", d.m.top())
	}
	if d.press("x"); len(d.m.stack) != 2 || len(d.e.commands()) != 0 {
		t.Error("the third key does not do what it always does")
	}
	d = drive(t, busy(), 100, 30)
	d.m.seen, d.m.keyed = earlier(), time.Now().Add(-9*time.Minute)
	if d.press("j"); len(d.m.stack) != 1 {
		t.Error("a digest after nine minutes")
	}
	for _, r := range []struct {
		name   string
		change func(seen *nas.Snapshot)
		want   bool
	}{
		{"the run as it was three hours ago", func(*nas.Snapshot) {}, true},
		{"half a minute ago", func(s *nas.Snapshot) { s.Time = noon.Add(-30 * time.Second) }, false},
		{"another run", func(s *nas.Snapshot) { s.UUID = "another" }, false},
		{"nothing has happened since", func(s *nas.Snapshot) {
			*s = *busy()
			s.Time = noon.Add(-time.Hour)
			s.ETA += time.Hour
		}, false},
	} {
		t.Run("at the start: "+r.name, func(t *testing.T) {
			seen := earlier()
			r.change(seen)
			now := busy()
			now.Retrains = nil
			m := newModel(context.Background(), newFake(now), Options{}, newTheme(term.Unicode, mono))
			m.away(seen, leftAfter)
			if _, ok := m.top().(*digestDialog); ok != r.want {
				t.Errorf("a digest: %v", ok)
			}
		})
	}
}
