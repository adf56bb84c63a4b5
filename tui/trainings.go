package tui

import (
	"fmt"
	"math"

	"nasnet/nas"
)

// trainingsPane lists the trainings of a cell.
func (t theme) trainingsPane(s *nas.Snapshot, v nas.TrialView, w, h int) []string {
	name := min(17, w-38) // of a data set, so that the accuracy fits
	wide := name >= 8
	line := func(child, data, net, epochs, seed, acc string) string {
		l := " " + fit(child, 6)
		if wide {
			l += " " + fit(t.cut(data, name), name)
		}
		l += " " + fit(net, 5) + " " + fitRight(epochs, 6)
		if wide {
			l += "  " + fitRight(seed, 4)
		}
		return l + " " + acc
	}
	body := []string{t.title.Render(line("CHILD", "DATA", "N"+t.g.Times+"F", "EPOCH", "SEED", " ACC"))}
	add := func(x nas.TrialView) {
		data, net, seed := s.Config.Data, s.Config.Net, s.Config.Seed
		if x.Retrain != nil {
			data, net, seed = x.Retrain.Data.Name, x.Retrain.Net, x.Retrain.Seed
		}
		acc := " " + t.g.None
		if a := valAcc(x); !math.IsNaN(a) {
			acc = score(a, 4)
		}
		if x.State == nas.Running {
			acc += " " + t.g.Running
		}
		body = append(body, t.cut(line(x.Label(), t.clean(data), fmt.Sprintf("%d%s%d", net.N, t.g.Times, net.Filters),
			fmt.Sprintf("%d/%d", x.Epoch, x.Epochs),
			fmt.Sprint(seed), acc), w-3))
	}
	seen := map[int]bool{}
	if own, ok := find(s, v.ID); ok && own.Cell != v.Cell { // v is an edited cell
		seen[v.ID] = true
	}
	for _, list := range [][]nas.TrialView{{v}, s.Running, s.Retrains} {
		for _, x := range list {
			if x.ID != noTrial && !seen[x.ID] && (x.ID == v.ID || x.Kind == nas.Retrained && x.Cell == v.Cell) {
				seen[x.ID] = true
				add(x)
			}
		}
	}
	return pane{title: "Trainings of this cell"}.draw(t, w, h, body)
}
