package tui

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"nasnet/nas"
)

func TestTheVerdictOnThePolicy(t *testing.T) {
	rows := []struct {
		name   string
		change func(s *nas.Snapshot)
		want   string
		bad    bool
	}{
		{"a policy that learns", func(*nas.Snapshot) {}, "entropy -2.9 nats in the last 10 updates", false},
		{"one update that changes little", func(s *nas.Snapshot) {
			s.Updates = s.Updates[:2]
			s.Policy = s.Updates[1]
			s.Policy.Entropy = s.Updates[0].Entropy - 0.01
		}, "entropy 0.0 nats in the last update; ", false},
		{"before the first update", func(s *nas.Snapshot) { s.Updates = nil }, "no update yet", false},
		{"a tenth of the entropy is left", func(s *nas.Snapshot) { s.Policy.Entropy = 4.5 },
			"collapsed: 4.5 of 45.2", true},
		{"a quarter of the entropy in ten updates",
			func(s *nas.Snapshot) { s.Policy.Entropy = s.Updates[149].Entropy - 11.4 }, "collapsing", true},
		{"the same over more updates, not all of them shown", func(s *nas.Snapshot) {
			for i := range s.Updates {
				s.Updates[i].Version = 5 * (i + 1)
			}
			s.Policy = s.Updates[159]
			s.Policy.Entropy = s.Updates[149].Entropy - 11.4
		}, "in the last 50 updates", false},
		{"steps of more than a nat", func(s *nas.Snapshot) {
			for i := range 5 {
				s.Updates[155+i].KL = 1.2
			}
		}, "steps are large: each update moves the policy by 1.20", true},
		{"one large step", func(s *nas.Snapshot) { s.Updates[159].KL = 3 }, "entropy", false},
		{"a strategy without a policy", func(s *nas.Snapshot) {
			s.Config.Controller.Strategy, s.Beliefs.Exact = "evolution", false
		}, "evolution learns no policy", false},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			s := busy()
			r.change(s)
			text, bad := verdictOnPolicy(s)
			if !strings.Contains(text, r.want) || bad != r.bad {
				t.Errorf("got %q, bad %v", text, bad)
			}
		})
	}
}

func TestOthersAddUp(t *testing.T) {
	d := decisionsOf(busy())
	rows := d.heatRows(false)[0]
	for n := 2; n <= len(rows); n++ {
		few := others(rows, n)
		if len(few) != n {
			t.Fatalf("%d rows, want %d", len(few), n)
		}
		for c := range rows[0].p {
			sum := 0.0
			for _, r := range few {
				sum += r.p[c]
			}
			if sum < 0.999 || sum > 1.001 {
				t.Errorf("%d rows: column %d adds up to %v", n, c, sum)
			}
		}
	}
}

func TestNoEntropyIsShownAboveItsMaximum(t *testing.T) {
	s := busy()
	most := math.Log(14)
	if got := ofMost(2.6460, most, 2); got != "2.64 of 2.64" {
		t.Errorf("%q", got)
	}
	s.Policy.Entropy = s.Policy.MaxEntropy + 0.2
	for i := range s.Beliefs.Entropy {
		for j := range s.Beliefs.Entropy[i].Nats {
			s.Beliefs.Entropy[i].Nats[j] = 9
		}
	}
	for _, keys := range [][]string{{}, {"2", "z"}, {"H"}, {"H", "v"}} {
		got := drive(t, s, 160, 48).press(keys...).text()
		for _, x := range regexp.MustCompile(`(\d+\.\d+) of (\d+\.\d+)`).FindAllStringSubmatch(got, -1) {
			a, _ := strconv.ParseFloat(x[1], 64)
			b, _ := strconv.ParseFloat(x[2], 64)
			if a > b {
				t.Errorf("%v: %s", keys, x[0])
			}
		}
	}
}
