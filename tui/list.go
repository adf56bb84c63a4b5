package tui

import (
	"fmt"
	"math"

	"nasnet/nas"
)

// list is the dashboard for a terminal too small for panes: what matters most comes first, until the lines run out.
func (d *dashboard) list(m *model, w, h int) []string {
	t, s := m.theme, m.snap
	var out []string
	if len(s.Rewards) > 0 {
		last := s.Rewards[len(s.Rewards)-1]
		l := fmt.Sprintf(" reward %s peak %s  ", score(last.Mean, 3), score(last.Best, 4))
		out = append(out, l+t.spark(series(s.Rewards, func(r nas.RewardPoint) float64 { return r.Mean }),
			max(0, min(40, w-len(l)-1)), math.NaN(), math.NaN()))
	} else {
		out = append(out, " no reward yet")
	}
	if v := t.verdictLine(s.Verdict, w-2); v != "" && h > 6 {
		out = append(out, " "+v)
	}
	if h > 8 {
		out = append(out, "")
	}
	list, top := listed(s), d.shown.list(s, m.latency)
	if d.focus == paneTop && len(s.Top) > 0 {
		list = list[:min(len(list), 2)]
	}
	room := max(1, (h-len(out)-1)*3/5)
	at := d.children.index(listed(s))
	from, to := window(len(list), room, at)
	for i := from; i < to; i++ {
		c := childRow{TrialView: list[i], sign: " ", letter: t.endSign(list[i])}
		if i < len(s.Running) {
			c.letter = t.mark.Render(letter(i))
		}
		out = append(out, t.tableLine(m.leadOf(&m.runView, c.ID), d.focus != paneTop && i == at, &c.sign,
			func() string {
				l := fmt.Sprintf("%s%s %-4s %4s %s  ", c.sign, c.letter, c.Label(), short(c.TrialView),
					fitRight(fmt.Sprintf("%d/%d", c.Epoch, c.Epochs), 5))
				if bar := min(24, w-38); bar >= 5 {
					l += fit(t.childProgress(c, bar), bar) + "  "
				}
				return l + accText(c.TrialView) + " " + clockOr(c, t.g.None)
			}))
	}
	if h > 8 {
		out = append(out, "")
	}
	at = d.top.index(top)
	from, to = window(len(top), h-len(out), at)
	for i := from; i < to; i++ {
		r := topRow{TrialView: top[i], sign: " ", rank: rank(s, top[i].ID)}
		star := " "
		if r.Star {
			star = t.star.Render(t.g.Star)
		}
		out = append(out, t.tableLine(m.leadOf(&m.runView, r.ID), d.focus == paneTop && i == at, &r.sign,
			func() string {
				l := fmt.Sprintf("%s%s%2d %s %s  %6s %5s", r.sign, star, r.rank, short(r.TrialView), score(r.Reward, 4),
					amount(r.Params), amount(r.MAdds))
				if w > 46 {
					l += "  " + t.cut(r.Genotype.Normal.Text(), w-len(stripped(l))-4)
				}
				return l
			}))
	}
	for i := range out {
		out[i] = fit(out[i], w)
	}
	return out
}

func accText(v nas.TrialView) string {
	if a := valAcc(v); !math.IsNaN(a) {
		return score(a, 3)
	}
	return "   -"
}

func clockOr(c childRow, none string) string {
	if c.live() && c.Left > 0 {
		return clock(c.Left)
	}
	return none
}
