package tui

import (
	"slices"
	"strings"
	"testing"

	"nasnet/nas"
	"nasnet/nas/child"
)

func TestTheLatencyOfACellIsMeasuredOnRequest(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", "enter")
	if got := d.text(); strings.Contains(got, "latency") {
		t.Fatalf("a latency that was not measured:\n%s", got)
	}
	d.press("m")
	profile, err := fakeLatency(busy().Top[0].Genotype, nas.RetrainSpec{Setup: child.Setup{Net: config().Net}})
	if err != nil {
		t.Fatal(err)
	}
	want := profile.Network[0].MS
	if got := d.text(); !strings.Contains(got, "latency "+millis(want)) ||
		!strings.Contains(got, millis(want)+" an image on one thread") {
		t.Errorf("no %s in\n%s", millis(want), got)
	}
	if got := d.text(); !strings.Contains(got, "sep5x5") || !strings.Contains(got, "0.250ms") ||
		!strings.Contains(got, "branches") {
		t.Errorf("neither operands nor threads:\n%s", got)
	}
	if got := d.press("esc").text(); !strings.Contains(got, "LATENCY") || !strings.Contains(got, millis(want)) {
		t.Errorf("the table does not have it:\n%s", got)
	}
	if got := d.press("a", "v").text(); !strings.Contains(got, "accuracy against latency   1 front cell of") {
		t.Errorf("nor the front:\n%s", got)
	}
	s := busy()
	s.Config.Net.Filters = 128
	if got := drive(t, s, 120, 36).press("5", "enter", "m").text(); !strings.Contains(got, "too large to measure") {
		t.Errorf("an error is not shown:\n%s", got)
	}
}

func TestTheFrontStartsWithTheCostInTheReward(t *testing.T) {
	for by, want := range map[string]string{"": "MAdds", nas.ByParams: "params", nas.ByLatency: "latency"} {
		s := costs()
		s.Config.Cost.By = by
		if got := drive(t, s, 80, 24).press("a").text(); !strings.Contains(got, "accuracy against "+want) {
			t.Errorf("by %q: no %q in\n%s", by, want, got)
		}
	}
	d := drive(t, costs(), 160, 48).press("a", "G", "enter")
	list := (&frontScreen{axis: 1}).front(d.m)
	if v, ok := d.m.picked(); !ok || v.ID != list[len(list)-1].ID {
		t.Errorf("enter opens child %d; want %d, the last of the front", v.ID, list[len(list)-1].ID)
	}
	if got := drive(t, fresh(), 80, 24).press("a").text(); !strings.Contains(got, "no child has finished yet") {
		t.Errorf("without cells:\n%s", got)
	}
}

func TestABadCellDoesNotSqueezeTheChart(t *testing.T) {
	s := costs()
	s.Top[len(s.Top)-1].Curve = []child.EpochResult{{ValAcc: 0.1}}
	got := drive(t, s, 80, 24).press("a").text()
	if !strings.Contains(got, "▾ 1 cell below .6") || strings.Contains(got, ".100 ┤") {
		t.Errorf("the axis begins at the worst:\n%s", got)
	}
}

// If the run has no latencies, those measured with m count in the order and in the file, too.
func TestLatenciesMeasuredOnRequestSortTheTopCells(t *testing.T) {
	d := drive(t, busy(), 160, 48).press("5")
	latency := func(i int) float64 {
		l, err := fakeLatency(d.m.snap.Top[i].Genotype, nas.RetrainSpec{Setup: child.Setup{Net: config().Net}})
		if err != nil {
			t.Fatal(err)
		}
		return l.Network[0].MS
	}
	i, j := 1, 2 // the second one measured is the faster
	for latency(j) >= latency(i) {
		j++
	}
	d.press("g")
	for range i {
		d.press("j")
	}
	d.press("enter", "m", "esc")
	for range j - i {
		d.press("j")
	}
	d.press("enter", "m", "esc", "o", "o", "o")
	if got := d.text(); !strings.Contains(got, "by latency") {
		t.Fatalf("the order is another one:\n%s", got)
	}
	fast, slow := d.m.snap.Top[j], d.m.snap.Top[i]
	list := d.m.stack[0].(*dashboard).shown.list(d.m.snap, d.m.latency)
	if len(list) != len(d.m.snap.Top) || list[0].ID != fast.ID || list[1].ID != slow.ID {
		t.Errorf("the first two are %s and %s; want %s of %v and %s of %v ms, what is not measured after them",
			list[0].Label(), list[1].Label(), fast.Label(), latency(j), slow.Label(), latency(i))
	}
	d.press("w")
	menu := d.m.top().(*menuDialog)
	for range slices.IndexFunc(menu.items, func(x menuItem) bool { return x.hint == "top-cells.csv" }) {
		d.press("down")
	}
	lines := strings.Split(d.press("enter").e.files["top-cells.csv"], "\n")
	if len(lines) < 4 || !strings.HasSuffix(lines[1], ","+numbers(latency(j))[0]) ||
		!strings.HasSuffix(lines[2], ","+numbers(latency(i))[0]) || !strings.HasSuffix(lines[3], ",") {
		t.Errorf("the file does not have them:\n%s", strings.Join(lines[:min(4, len(lines))], "\n"))
	}
}
