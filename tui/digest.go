package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
)

// The digest opens after so long without a key, or so long between two screens.
const (
	awayAfter = 10 * time.Minute
	leftAfter = time.Minute
)

// digestDialog shows what happened between two snapshots. Any key closes it.
type digestDialog struct {
	plainDialog
	from *nas.Snapshot
	to   *nas.Snapshot
}

func (*digestDialog) scope() scope { return onDigest }

func (*digestDialog) act(*model, action) tea.Cmd { return nil }

func (*digestDialog) typed(m *model, _ tea.KeyMsg) tea.Cmd {
	m.pop()
	return nil
}

// away opens the digest if the user last saw the run at least so long ago and something has happened since.
func (m *model) away(since *nas.Snapshot, least time.Duration) bool {
	if since == nil || m.snap.Time.Sub(since.Time) < least || since.UUID != m.snap.UUID ||
		len(digest(m.theme, since, m.snap)) == 0 {
		return false
	}
	m.push(&digestDialog{from: since, to: m.snap})
	return true
}

func (d *digestDialog) box(m *model, w, h int) []string {
	t := m.theme
	gone := d.to.Time.Sub(d.from.Time)
	title := "While you were away"
	if gone >= time.Minute {
		title += ": " + clock(gone)
	}
	lines := []string{""}
	for _, x := range digest(t, d.from, d.to) {
		for i, l := range wrap(x.text, max(20, w-18)) {
			label := ""
			if i == 0 {
				label = x.label
			}
			lines = append(lines, " "+fit(t.bold.Render(label), 11)+x.style.Render(l))
		}
	}
	lines = append(lines, "")
	n := 0
	for _, l := range lines {
		n = max(n, ansi.StringWidth(l)+3)
	}
	return pane{title: title, focus: true, foot: "any key continues"}.draw(t, min(max(n, ansi.StringWidth(title)+6), w),
		min(len(lines)+2, h), lines)
}

// digestLine is one thing that happened.
type digestLine struct {
	label, text string
	style       interface{ Render(...string) string }
}

// digest compares two snapshots of a run in a few lines, the most important first. There are none if nothing has
// finished and nothing has changed.
func digest(t theme, a, b *nas.Snapshot) (out []digestLine) {
	add := func(label, text string, style interface{ Render(...string) string }) {
		out = append(out, digestLine{label, text, style})
	}
	if b.State != a.State && b.State != nas.Running {
		_, word, style := t.state(b.State)
		if b.Reason != "" {
			word += ": " + t.clean(b.Reason)
		}
		add("search", word, style)
	}
	if b.Best != nil && (a.Best == nil || b.Best.ID != a.Best.ID) {
		text := fmt.Sprintf("%s (%s)", score(b.Best.Reward, 4), t.trial(*b.Best))
		if a.Best != nil {
			text += fmt.Sprintf(", %s over %s", signed(b.Best.Reward-a.Best.Reward, 4), score(a.Best.Reward, 4))
		}
		add("new best", text, t.good)
	} else if b.Best != nil && b.Finished > a.Finished {
		add("best", fmt.Sprintf("still %s (%s)", score(b.Best.Reward, 4), t.trial(*b.Best)), t.plain)
	}
	if n := b.Finished - a.Finished; n > 0 {
		text := plural(n, "child has finished", "children have finished")
		if c := b.Cached - a.Cached; c > 0 {
			text += fmt.Sprintf(", %s", plural(c, "repeat among them", "repeats among them"))
		}
		add("children", fmt.Sprintf("%s; %d of %d in all", text, b.Finished, b.Config.Children), t.plain)
	}
	if n := b.Failed - a.Failed; n > 0 {
		text := plural(n, "child failed", "children failed")
		for _, v := range b.Recent {
			if v.State == nas.Failed && v.Finished.After(a.Time) {
				text += ": " + t.clean(v.FailText)
				break
			}
		}
		add("failures", text, t.bad)
	}
	if hand := endedByHand(a, b); len(hand) > 0 {
		add("yours", strings.Join(hand, ", "), t.plain)
	}
	if n := b.Policy.Version - a.Policy.Version; n > 0 {
		add("policy", learned(a, b, n), t.plain)
		if text, bad := verdictOnPolicy(b); bad {
			add("", text, t.bad)
		}
	}
	if v := b.Verdict; v != nil && b.Finished > a.Finished {
		style := t.plain
		switch v.Claim {
		case nas.Better:
			style = t.good
		case nas.Worse:
			style = t.bad
		}
		add("verdict", v.Text, style)
	}
	if b.ETA > 0 && a.ETA > 0 && b.Time.After(a.Time) {
		// If nothing changes, the time to go shrinks by the time that has passed.
		if late := b.Time.Add(b.ETA).Sub(a.Time.Add(a.ETA)); late > b.ETA/20 || -late > b.ETA/20 {
			word := "later"
			if late < 0 {
				late, word = -late, "earlier"
			}
			add("ETA", fmt.Sprintf("%s to go, %s %s than before", clock(b.ETA), clock(late), word), t.plain)
		} else if len(out) > 0 {
			add("ETA", clock(b.ETA)+" to go, as expected", t.plain)
		}
	}
	if len(out) == 1 && out[0].label == "ETA" {
		return nil
	}
	return out
}

// endedByHand names the submitted cells and retrains that have ended.
func endedByHand(a, b *nas.Snapshot) (out []string) {
	seen := map[int]bool{}
	for _, list := range [][]nas.TrialView{b.Recent, b.Retrains} {
		for _, v := range list {
			if v.ID < nas.FirstManual || seen[v.ID] || v.Finished.Before(a.Time) || v.State == nas.Running ||
				v.State == nas.Paused || v.State == nas.Proposed {
				continue
			}
			seen[v.ID] = true
			text := v.Kind.Word() + " " + v.Label() + " " + string(v.State)
			if v.HasReward {
				text = v.Kind.Word() + " " + v.Label() + " " + score(v.Reward, 4)
			}
			out = append(out, text)
		}
	}
	return out[:min(len(out), 4)]
}

// learned describes what the policy learned: entropy, mean reward, and the choices that became much more probable.
func learned(a, b *nas.Snapshot, updates int) string {
	text := plural(updates, "update", "updates")
	if a.Policy.MaxEntropy > 0 && b.Policy.Entropy > 0 {
		text += fmt.Sprintf(", entropy %s to %s nats", fixed(a.Policy.Entropy, 1), fixed(b.Policy.Entropy, 1))
	}
	if a.Policy.Version > 0 {
		text += fmt.Sprintf(", mean reward %s to %s", score(a.Policy.MeanReward, 3), score(b.Policy.MeanReward, 3))
	}
	x, y := decisionsOf(a), decisionsOf(b)
	if x == nil || y == nil || len(x.Probabilities) != len(y.Probabilities) || len(y.Probabilities) == 0 {
		return text
	}
	type gain struct {
		decision, choice int
		by               float64
	}
	var gains []gain
	for d, row := range y.Probabilities {
		for c, p := range row {
			if c < len(x.Probabilities[d]) && p-x.Probabilities[d][c] >= 0.15 {
				gains = append(gains, gain{d, c, p - x.Probabilities[d][c]})
			}
		}
	}
	slices.SortFunc(gains, func(a, b gain) int { return cmp.Compare(b.by, a.by) })
	for i, g := range gains[:min(len(gains), 3)] {
		sep := ", "
		if i == 0 {
			sep = "; surer of "
		}
		text += fmt.Sprintf("%s%s %s (%.0f to %.0f %%)", sep, y.names[g.decision], y.labels[g.decision][g.choice],
			100*x.Probabilities[g.decision][g.choice], 100*y.Probabilities[g.decision][g.choice])
	}
	return text
}
