package tui

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/setting"
	"nasnet/tui/term"
)

// wander shows random snapshots at random sizes under random keys. Every frame must have the terminal's size and no
// control characters.
func wander(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 11))
	fixtures := []string{"fresh", "first", "busy", "paused", "done", "trouble", "collapsed", "costs", "retrained"}
	pick := func() *nas.Snapshot { return shake(r, snapshots[fixtures[r.IntN(len(fixtures))]]()) }
	size := func() (int, int) {
		if r.IntN(2) == 0 {
			return 1 + r.IntN(100), 1 + r.IntN(40)
		}
		return 1 + r.IntN(300), 1 + r.IntN(100)
	}
	w, h := size()
	d := drive(t, pick(), w, h).tier([]term.Tier{term.Unicode, term.CP437, term.ASCII}[r.IntN(3)], r.IntN(2) == 0)
	var all []string
	for _, b := range keys {
		for _, k := range b.Keys() {
			if k != "ctrl+z" {
				all = append(all, k)
			}
		}
	}
	all = append(all, "a", "7", "é", "界", " ", "backspace", "delete", "ctrl+w", "ctrl+k", "-", ".")
	for range 40 {
		switch r.IntN(6) {
		case 0:
			w, h := size()
			d.m.Update(tea.WindowSizeMsg{Width: w, Height: h})
		case 1:
			d.e.publish(pick())
			d.m.Update(snapMsg{d.e.Snapshot(), source{context.Background(), d.e, d.e.updated}})
		case 2:
			d.m.Update(replyMsg{to: nas.Command{Do: nas.Pause},
				reply: nas.Reply{Message: "paused\x1b[31m\n界", Dir: "/tmp"}})
		default:
			k := all[r.IntN(len(all))]
			if r.IntN(3) > 0 { // more often one that works here
				var here []string
				for _, b := range keys {
					if b.on&d.m.top().scope() != 0 && b.do != actSuspend && b.do != actBack {
						here = append(here, b.Keys()...)
					}
				}
				k = here[r.IntN(len(here))]
			}
			if _, cmd := d.m.Update(keyMsg(k)); cmd != nil && r.IntN(2) == 0 {
				_ = cmd // it is not run
			}
		}
		if d.m.crash != nil {
			t.Fatalf("seed %d: panic in %s: %v\n%s", seed, d.m.crash.where, d.m.crash.value, d.m.crash.stack)
		}
		frame := strings.Join(d.frame(), "\n")
		for _, c := range sgr.ReplaceAllString(frame, "") {
			if c != '\n' && term.Obeyed(c) {
				t.Fatalf("seed %d: %U on the screen", seed, c)
			}
		}
	}
}

// shake changes a snapshot at random: lists shorter or empty, numbers of any size.
func shake(r *rand.Rand, s *nas.Snapshot) *nas.Snapshot {
	s.Version = r.Uint64()
	if r.IntN(3) == 0 {
		s.Rewards = s.Rewards[:r.IntN(len(s.Rewards)+1)]
	}
	if r.IntN(3) == 0 {
		s.Updates = s.Updates[:r.IntN(len(s.Updates)+1)]
	}
	switch r.IntN(8) {
	case 0:
		s.Beliefs = nil
	case 1:
		s.Beliefs = &nas.Beliefs{Probabilities: [][]float64{{1}}}
	case 2:
		s.Config.Blocks = r.IntN(9)
	case 3:
		if s.Config.Blocks = 1 + r.IntN(8); s.Config.Validate() == nil {
			s.Beliefs = beliefsOf(s.Config, r.IntN(1000), r.Float64())
		}
	}
	if r.IntN(3) == 0 {
		s.Top = s.Top[:r.IntN(len(s.Top)+1)]
		if len(s.Top) == 0 {
			s.Best = nil
		}
	}
	if r.IntN(3) == 0 {
		s.Running = s.Running[:r.IntN(len(s.Running)+1)]
	}
	if r.IntN(3) == 0 {
		s.Recent, s.Events, s.Retrains = nil, nil, nil
	}
	if r.IntN(4) == 0 {
		s.Workers, s.Finished, s.Config.Children = r.IntN(1024), r.IntN(1e9), r.IntN(1e9)
		s.ETA, s.Elapsed = time.Duration(r.Int64N(1e18)), time.Duration(r.Int64N(1e18))
		s.ImageRate = 1e12 * r.Float64()
	}
	for i := range s.Running {
		s.Running[i].Progress = 3*r.Float64() - 1
		s.Running[i].Keep = 3*r.Float64() - 1
		s.Running[i].Epochs = r.IntN(100000)
	}
	if len(s.Top) > 0 && r.IntN(3) == 0 {
		s.Top = slices.Clone(s.Top)
		s.Top[0].Genotype.Normal.Blocks = nil
		s.Top[0].Params, s.Top[0].MAdds = r.Int64(), r.Int64()
	}
	if r.IntN(4) == 0 {
		poison(s)
	}
	s.Config.Train.DropPath.Mode = []string{"none", "linear", "constant", "scaled", "", "?"}[r.IntN(6)]
	s.Config.Train.DropPath.Prob = []float64{0, 0.4, 1, -1}[r.IntN(4)]
	return s
}

// poison puts terminal controls into every text of a snapshot that may come from outside.
func poison(s *nas.Snapshot) {
	const evil = "x\x1b]52;c;eA==\a\x1b[2J\u009b2J\u202e\rgood\u2028run\x7f\n\xff界"
	s.Config.Name, s.Config.Data, s.Config.Ops, s.Config.Controller.Strategy = evil, evil, evil, evil
	s.Reason, s.Dir, s.Parent, s.Kernels = evil, evil, evil, evil
	for _, list := range [][]nas.TrialView{s.Running, s.Top, s.Recent, s.Retrains} {
		for i := range list {
			list[i].Note, list[i].FailKind, list[i].FailText, list[i].Genotype.Name = evil, evil, evil, evil
		}
	}
	for i := range s.Events {
		s.Events[i].Kind, s.Events[i].Run = evil, evil
		s.Events[i].Data = map[string]any{evil: evil, "message": evil, "reason": evil, "cell": evil, "error": evil}
	}
}

func TestAnySizeAnySnapshotAnyKey(t *testing.T) {
	for seed := range uint64(40) {
		wander(t, seed)
	}
}

func TestEverySizeOfTheDashboard(t *testing.T) {
	e := drive(t, busy(), 1, 1)
	for w := 1; w <= 300; w += 1 + w/12 {
		for h := 1; h <= 100; h += 1 + h/8 {
			e.m.Update(tea.WindowSizeMsg{Width: w, Height: h})
			e.frame()
		}
	}
}

func FuzzScreens(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(seed)
	}
	f.Fuzz(wander)
}

// A field for a number refuses what is typed, or accepts a number within the limits.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"7", " 7 ", "-7", "+7", "0x10", "1_000", "1e3", "1e999", "NaN", "Inf", "-0",
		"99999999999999999999", "0.5", ".5", "\u0663", ""} {
		f.Add(s, 1, 100)
	}
	f.Fuzz(func(t *testing.T, s string, lo, hi int) {
		x := newForm(field{name: "n", value: s})
		if n := x.integer("n"); whole(lo, hi)(x.get("n")) == nil && (n < lo || n > hi) {
			t.Errorf("%q is %d, not %d to %d", s, n, lo, hi)
		}
		row := setting.Row[float64]{Range: setting.Range{Low: float64(lo), High: float64(hi)},
			At: func(x *float64) any { return x }}
		v := math.NaN()
		if row.Set(&v, x.get("n")) == nil && !(v >= float64(lo) && v <= float64(hi)) {
			t.Errorf("%q is %v, not %d to %d", s, v, lo, hi)
		}
		if natural(x.get("n")) == nil {
			if _, err := strconv.ParseUint(x.get("n"), 10, 64); err != nil {
				t.Error(err)
			}
		}
	})
}
