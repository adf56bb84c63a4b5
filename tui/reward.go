package tui

import (
	"fmt"
	"math"

	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
	"nasnet/tui/chart"
)

// rewardPane is the live chart of the search: the mean of the controller's last rewards, its peak, and the mean of
// random cells. The lower edge says whether the controller beats random.
func (d *dashboard) rewardPane(m *model, w, h int) []string {
	t, s := m.theme, m.snap
	p := pane{title: "1 Reward", focus: d.focus == paneReward, foot: t.verdictLine(s.Verdict, w-8)}
	if w >= 70 {
		p.title = "1 Reward of finished children"
	}
	if len(s.Rewards) == 0 {
		return p.draw(t, w, h, d.noReward(m, w-2, h-2))
	}
	last := s.Rewards[len(s.Rewards)-1]
	p.right = fmt.Sprintf("mean %s  peak %s", score(last.Mean, 3), score(last.Best, 3))
	if w >= 70 {
		p.right = fmt.Sprintf("mean %s  peak %s", score(last.Mean, 3), score(last.Best, 4))
	}
	if w >= 90 {
		p.right = fmt.Sprintf("last %s  mean %s  peak %s", score(last.Reward, 4), score(last.Mean, 3),
			score(last.Best, 4))
	}
	mean, peak := make([]float64, len(s.Rewards)), make([]float64, len(s.Rewards))
	for i, r := range s.Rewards {
		mean[i], peak[i] = r.Mean, r.Best
	}
	axis := ""
	if w >= 50 {
		axis = fmt.Sprintf("child %d to %d", s.Rewards[0].Trial, last.Trial)
	}
	lines := []line{{name: "mean of 20", values: mean, style: t.mean},
		{name: "peak", values: peak, style: t.best, heavy: true, reduce: chart.Max, steps: true}}
	if len(s.Randoms) > 0 {
		lines = append([]line{{name: "random", values: randomMeans(s), style: t.plain, dotted: true}}, lines...)
	}
	top := topLine(s.Verdict)
	if h < 20 || top != nil && ansi.StringWidth(top[0]) > w-2 {
		top = nil
	}
	body := append(t.plot(w-3, h-2-len(top), axis, lines...), top...)
	return p.draw(t, w, h, body)
}

// randomMeans returns the mean of the last random cells at each point of the controller's curve, NaN before the first.
func randomMeans(s *nas.Snapshot) []float64 {
	means, next, last := make([]float64, len(s.Rewards)), 0, math.NaN()
	for i, r := range s.Rewards {
		for next < len(s.Randoms) && s.Randoms[next].Trial < r.Trial {
			last = s.Randoms[next].Mean
			next++
		}
		means[i] = last
	}
	return means
}

// noReward shows what happens before the first reward.
func (d *dashboard) noReward(m *model, w, h int) []string {
	t, s := m.theme, m.snap
	lines := []string{"", " no reward until the first child finishes"}
	if len(s.Running) > 0 {
		c := s.Running[0]
		lines = append(lines, "", fmt.Sprintf(" child %s: epoch %d of %d", c.Label(), min(c.Epoch+1, c.Epochs),
			c.Epochs), " "+t.bar(c.Progress, min(w-8, 30))+
			fmt.Sprintf(" %.0f%%", c.Progress*100))
		if c.Left > 0 {
			lines = append(lines, " "+clock(c.Left)+" left")
		}
	}
	return lines[:min(len(lines), max(h, 0))]
}
