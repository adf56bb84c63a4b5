package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
	"nasnet/tui/term"
)

// The panes of the dashboard, by their digits.
const (
	paneReward = iota
	paneController
	paneDropPath
	paneChildren
	paneTop
	panes

	// Panes without a digit.
	paneBest    = panes
	paneFigures = panes + 1
)

// The dashboard has three layouts: below 80x24 a list; then charts over tables; from 140x40 on, the best cell beside
// the charts as well.
const (
	listBelowWidth, listBelowHeight = 80, 24
	wideFromWidth, wideFromHeight   = 140, 40
)

// dashboard is the screen at the bottom of the stack.
type dashboard struct {
	focus         int
	zoomed        bool
	reduction     bool // show the best genotype's reduction cell
	children, top cursor
	shown         topView
	drawn         [panes + 1]drawnPane
}

// drawnPane keeps the lines of a pane until its data changes. A snapshot shares unchanged parts with the one before, so
// comparing pointers is enough.
type drawnPane struct {
	key   paneKey
	lines []string
}

type paneKey struct {
	data       any // pointers to the first elements shown
	n, w, h    int
	row, total int
	marks      string
	measured   int // number of known latencies
	shown      topView
	focus      bool
	tier       term.Tier
	palette    palette
}

func newDashboard() *dashboard { return &dashboard{focus: paneChildren} }

func (d *dashboard) scope() scope { return onDash }

func (d *dashboard) back() bool {
	was := d.zoomed
	d.zoomed = false
	return was
}

// listed returns the children of the table: those in training, then those that finished last.
func listed(s *nas.Snapshot) []nas.TrialView {
	return append(s.Running[:len(s.Running):len(s.Running)], s.Recent...)
}

func (d *dashboard) selected(m *model) (nas.TrialView, bool) {
	list, c := listed(m.snap), d.children
	if d.focus == paneTop {
		list, c = d.shown.list(m.snap, m.latency), d.top
	}
	if i := c.index(list); i >= 0 {
		return list[i], true
	}
	return nas.TrialView{}, false
}

func (d *dashboard) act(m *model, a action) tea.Cmd {
	if by := stride(a, max(1, m.h/6)); by != 0 {
		d.move(m, by)
	}
	switch a {
	case actNextPane:
		d.focus = (d.focus + 1) % panes
	case actPrevPane:
		d.focus = (d.focus + panes - 1) % panes
	case actPane1, actPane2, actPane3, actPane4, actPane5:
		d.focus = int(a - actPane1)
	case actZoom:
		d.zoomed = !d.zoomed
	case actOther:
		if m.w < wideFromWidth || m.h < wideFromHeight {
			return m.say(fmt.Sprintf("the best cell is drawn in terminals of %dx%d or more; %s opens it", wideFromWidth,
				wideFromHeight, m.keyOf(actOpen)), true)
		}
		d.reduction = !d.reduction
	case actSort:
		d.focus, d.shown.order = paneTop, (d.shown.order+1)%len(topOrders)
	case actFilter:
		d.focus = paneTop
		return m.push(&filterDialog{what: "top cells", input: newLineEdit(d.shown.filter, 60),
			hint:  "sep5x5  -max7x7  params<50k  reward>.7  latency<1ms  starred",
			check: func(s string) error { _, _, err := parseTopFilter(s); return err },
			apply: func(s string) { d.shown.filter = s }})
	case actOpen:
		if d.focus < paneChildren {
			d.zoomed = !d.zoomed
			return nil
		}
		t, ok := d.selected(m)
		if !ok {
			return m.say("nothing to open yet: the first child has not started", true)
		}
		list := d.shown.list(m.snap, m.latency)
		if d.focus == paneChildren {
			list = listed(m.snap)
		}
		m.push(newCellScreen(t, list))
	}
	return nil
}

// move moves the cursor of the focused table by n rows; single steps cross from one table to the other.
func (d *dashboard) move(m *model, n int) {
	if d.focus < paneChildren {
		d.focus = paneChildren
	}
	if d.focus == paneTop {
		if beyond := d.top.move(d.shown.list(m.snap, m.latency), n); beyond == -1 && n == -1 &&
			len(listed(m.snap)) > 0 {
			d.focus = paneChildren
		}
		return
	}
	if beyond := d.children.move(listed(m.snap), n); beyond == 1 && n == 1 && len(m.snap.Top) > 0 {
		d.focus = paneTop
	}
}

// header shows the state of the run in one line.
func (d *dashboard) header(m *model, w int) string {
	t, s := m.theme, m.snap
	sign, word, style := t.state(s.State)
	name := t.clean(s.Config.Name)
	if s.Config.Name == "" {
		name = "nasnet"
	}
	var right string
	state := style.Render(sign+" "+word) + " " + clock(s.Elapsed)
	if s.ETA > 0 {
		right = "ETA " + clock(s.ETA) + " "
	}
	if w >= wideFromWidth {
		right = strings.TrimSuffix("ETA "+clock(s.ETA)+"   ", "ETA 0:00   ") + fmt.Sprintf("%s on %s   %s ",
			t.clean(s.Config.Controller.Strategy), t.clean(s.Config.Data), t.clean(s.Kernels))
	}
	if s.Reason != "" && (s.State == nas.Paused || s.State == nas.Stopped) {
		right = t.warn.Render(t.cut(t.clean(s.Reason), w/2)) + " "
	}
	training, speed := fmt.Sprintf("%d training", len(s.Running)), fmt.Sprintf("%.0f img/s", s.ImageRate)
	done := fmt.Sprintf("%d/%d", s.Finished, s.Config.Children)
	name = t.cut(name, max(8, w/5))
	for _, left := range []string{ // from the richest to what fits anywhere
		fmt.Sprintf(" nasnet  %s   %s   child %s   %s   %s", t.bold.Render(name), state, done, training, speed),
		fmt.Sprintf(" %s %s   child %s   %s  %s", t.bold.Render(name), state, done, training, speed),
		fmt.Sprintf(" %s %s  child %s  %s  %s", t.bold.Render(name), state, done, training, speed),
		fmt.Sprintf(" %s %s  child %s  %s", t.bold.Render(name), state, done, speed),
		fmt.Sprintf(" %s %s  %s", t.bold.Render(name), state, done),
		fmt.Sprintf(" %s %s", state, done),
		fmt.Sprintf(" %s %s", style.Render(sign), done),
	} {
		if ansi.StringWidth(left)+ansi.StringWidth(right)+1 <= w {
			return t.spread(left, right, w)
		}
	}
	return fmt.Sprintf(" %s %s %s", style.Render(sign), done, clock(s.Elapsed))
}

func (d *dashboard) view(m *model, w, h int) []string {
	if m.w < listBelowWidth || m.h < listBelowHeight {
		return d.list(m, w, h)
	}
	cell := d.bestCell(m)
	return tile(d.layout(m, w, h), h, func(p place) []string {
		switch p.pane {
		case paneBest:
			k := paneKey{w: p.w, h: p.h, focus: d.reduction, tier: m.theme.g.Tier, palette: m.palette}
			if m.snap.Best != nil {
				k.data = m.snap.Best
			}
			return d.keep(panes, k, func() []string { return d.bestPane(m, cell, p.w, p.h) })
		case paneFigures:
			return d.figures(m, p.w, p.h)
		}
		return d.pane(m, p.pane, p.w, p.h)
	})
}

// layout places the panes in a view of w by h cells: charts over tables and, in a wide terminal, the best cell and the
// run's figures to the right of the charts.
func (d *dashboard) layout(m *model, w, h int) []place {
	if m.w < listBelowWidth || m.h < listBelowHeight {
		return nil
	}
	if d.zoomed {
		return []place{{d.focus, 0, 0, w, h}}
	}
	wide := m.w >= wideFromWidth && m.h >= wideFromHeight
	upper := 9 + (h-21)*45/100
	if wide {
		upper = max(22, h*58/100)
	}
	rows := min(max(7, 3+m.snap.Workers+2), h-upper-5) // a line for each worker, and two finished children
	tables := []place{{paneChildren, 0, upper, w, rows}, {paneTop, 0, upper + rows, w, h - upper - rows}}
	if !wide {
		side := min(max(30, w*3/8), 48)
		first := upper * 4 / 9
		return append([]place{{paneReward, 0, 0, w - side, upper}, {paneController, w - side, 0, side, first},
			{paneDropPath, w - side, first, side, upper - first}}, tables...)
	}
	cell := d.bestCell(m)
	side := min(max(60, widest(cell)+5), w-84)
	const low = 10
	half := (w - side) / 2
	cellRows := upper
	if upper >= len(cell)+2+5 {
		cellRows = max(len(cell)+2, upper-6)
	}
	out := []place{{paneReward, 0, 0, w - side, upper - low}, {paneController, 0, upper - low, half, low},
		{paneDropPath, half, upper - low, w - side - half, low},
		{paneBest, w - side, 0, side, cellRows}}
	if cellRows < upper {
		out = append(out, place{paneFigures, w - side, cellRows, side, upper - cellRows})
	}
	return append(out, tables...)
}

// pane draws one pane by its number.
func (d *dashboard) pane(m *model, n, w, h int) []string {
	s := m.snap
	k := paneKey{w: w, h: h, focus: d.focus == n, tier: m.theme.g.Tier, palette: m.palette}
	switch {
	case n == paneReward && len(s.Rewards) > 0:
		// a random cell changes only the verdict
		k.data, k.n = [2]any{&s.Rewards[0], s.Verdict}, len(s.Rewards)
	case n == paneController && len(s.Updates) > 0:
		k.data, k.n = &s.Updates[0], len(s.Updates)
	case n == paneTop && len(s.Top) > 0:
		k.data, k.n, k.row, k.total = &s.Top[0], len(s.Top), d.top.index(d.shown.list(s, m.latency)), s.Finished
		k.shown = d.shown
		for _, v := range m.marks {
			k.marks += fmt.Sprint(v.ID, " ")
		}
		k.measured = len(m.latencies)
	}
	return d.keep(n, k, func() []string {
		return [panes]func(m *model, w, h int) []string{d.rewardPane, d.controllerPane, d.dropPathPane, d.childrenPane,
			d.topPane}[n](m, w, h)
	})
}

// keep draws a pane unless it was last drawn for the same key. A key without data always draws.
func (d *dashboard) keep(n int, k paneKey, draw func() []string) []string {
	if k.data == nil {
		return draw()
	}
	if p := &d.drawn[n]; p.key != k {
		p.key, p.lines = k, slices.Clip(draw())
	}
	return d.drawn[n].lines
}
