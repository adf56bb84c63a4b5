package tui

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
)

// RunRow is a run of the store as the list of runs shows it.
type RunRow struct {
	Name, Dir    string
	UUID, Parent string
	ForkAt       int    // policy version of the fork, -1 if none
	State        string // of the run, or "crashed" or "unreadable"
	Live         bool   // a process owns it
	PID          int    // of that process
	Host         string

	Config                         nas.Config
	Proposed, Done, Failed, Target int // proposals: in all, with a reward, failed, wanted
	Best                           float64
	HasBest                        bool
	Updates                        int
	Elapsed                        time.Duration
	Changed                        time.Time
	Err                            error // why it cannot be read
}

// runsScreen lists the runs of the store.
type runsScreen struct {
	rows   []RunRow
	err    error
	loaded bool
	reads  int    // times the store was read
	dir    string // folder of the run under the cursor; empty: the first
	at     int    // its row, used once the run is gone
	order  int    // of runOrders
	filter string
	// folders of the runs drawn over the one under the cursor: at most two, newest last
	marks  []string
	curves map[string]runCurve // by folder
}

// runOrders are the ways to sort the list.
var runOrders = []struct {
	name string
	less func(a, b RunRow) int
}{
	{"last change", func(a, b RunRow) int { return b.Changed.Compare(a.Changed) }},
	{"best", func(a, b RunRow) int { return cmp.Compare(b.Best, a.Best) }},
	{"name", func(a, b RunRow) int { return strings.Compare(a.Name, b.Name) }},
	{"children", func(a, b RunRow) int { return cmp.Compare(b.Done+b.Failed, a.Done+a.Failed) }},
}

// Messages to a runsScreen.
type (
	runsMsg struct {
		rows []RunRow
		err  error
	}
	runsDueMsg struct{ n int } // time to read the store again
)

// update implements receiver.
func (r *runsScreen) update(m *model, msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case runsMsg:
		return r.take(m, msg)
	case runsDueMsg:
		if m.shows(r) && msg.n == r.reads {
			return r.init(m)
		}
	case curveMsg:
		r.took(msg)
	case runDoneMsg:
		return r.told(m, msg)
	}
	return nil
}

func openRuns(m *model) (screen, string) {
	if m.options.Runs == nil {
		return nil, "the store cannot be listed from here"
	}
	return &runsScreen{dir: m.snap.Dir, curves: map[string]runCurve{}}, ""
}

// init reads the store.
func (r *runsScreen) init(m *model) tea.Cmd {
	return replyTo(r, safe("runs", func() tea.Msg {
		rows, err := m.options.Runs(m.ctx)
		return runsMsg{rows, err}
	}))
}

// runsEvery is how often the store is read while its list is shown.
const runsEvery = 5 * time.Second

// take shows the rows that were read, asks for their curves, and schedules the next read.
func (r *runsScreen) take(m *model, msg runsMsg) tea.Cmd {
	r.rows, r.err, r.loaded = msg.rows, msg.err, true
	r.reads++
	n := r.reads
	return tea.Batch(r.askCurves(m), m.after(runsEvery, func(time.Time) tea.Msg { return addressed{r, runsDueMsg{n}} }))
}

func (r *runsScreen) scope() scope { return onRuns }
func (r *runsScreen) back() bool   { return false }

// list returns the rows that match the filter, sorted.
func (r *runsScreen) list() []RunRow {
	var out []RunRow
	for _, x := range r.rows {
		if matches(r.filter, x.Name, x.State, x.Config.Data, x.Config.Controller.Strategy, x.Config.Ops) {
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, runOrders[r.order].less)
	return out
}

// index returns the cursor's row, or -1 in an empty list.
func (r *runsScreen) index(list []RunRow) int {
	if i := slices.IndexFunc(list, func(x RunRow) bool { return x.Dir == r.dir }); i >= 0 {
		return i
	}
	return min(r.at, len(list)-1)
}

func (r *runsScreen) act(m *model, a action) tea.Cmd {
	list := r.list()
	if d := stride(a, max(1, m.h/4)); d != 0 && len(list) > 0 {
		r.at = max(0, min(r.index(list)+d, len(list)-1))
		r.dir = list[r.at].Dir
	}
	switch a {
	case actSort:
		r.order = (r.order + 1) % len(runOrders)
	case actMark:
		if i := r.index(list); i >= 0 {
			dropped := r.mark(list[i].Dir)
			if at := slices.IndexFunc(r.rows, func(x RunRow) bool { return x.Dir == dropped }); at >= 0 {
				return tea.Batch(m.say("two runs are drawn over this one: the mark of "+r.rows[at].Name+" is removed",
					false), r.askCurves(m))
			}
		}
	case actResumeRun:
		return r.resume(m, list)
	case actDeleteRun:
		return r.delete(m, list)
	case actFilter:
		return m.push(&filterDialog{what: "runs", input: newLineEdit(r.filter, 60),
			apply: func(s string) { r.filter = s }})
	case actOpen:
		i := r.index(list)
		if i < 0 {
			return m.say("there is no run to open", true)
		}
		return m.visit(list[i])
	}
	return r.askCurves(m)
}

func (r *runsScreen) header(m *model, w int) string {
	t := m.theme
	live := 0
	for _, x := range r.rows {
		if x.Live {
			live++
		}
	}
	left := " " + t.bold.Render("runs")
	if r.filter != "" {
		left += "   / " + t.clean(r.filter)
	}
	return t.spread(left, fmt.Sprintf("%s %s %d live   %s", plural(len(r.rows), "run", "runs"), t.g.Dot, live,
		m.way("back")), w)
}

// runSign draws the sign and the word of a run's state.
func (t theme) runSign(x RunRow) string {
	switch {
	case x.Err != nil:
		return t.bad.Render("! unreadable")
	case x.State == "crashed":
		return t.bad.Render(t.g.Failed + " crashed")
	case x.State == "created":
		return t.g.None + " created"
	}
	sign, word, style := t.state(nas.State(x.State))
	return style.Render(sign + " " + word)
}

func (r *runsScreen) columns(t theme) []column[RunRow] {
	orNone := func(ok bool, s string) string {
		if !ok {
			return t.g.None
		}
		return s
	}
	return []column[RunRow]{
		{head: "RUN", width: 16, grow: 2, cell: func(x RunRow, w int) string { return t.cut(t.clean(x.Name), w) }},
		{head: "STATE", width: 12, cell: func(x RunRow, _ int) string { return t.runSign(x) }},
		{head: "LIVE", width: 8, from: 70, cell: func(x RunRow, _ int) string {
			return orNone(x.Live, fmt.Sprint(x.PID))
		}},
		{head: "CHILDREN", width: 11, right: true, cell: func(x RunRow, _ int) string {
			return orNone(x.Err == nil, fmt.Sprintf("%d/%d", x.Done+x.Failed, x.Target))
		}},
		{head: "BEST", width: 6, right: true, cell: func(x RunRow, _ int) string {
			return orNone(x.HasBest, score(x.Best, 4))
		}},
		{head: "UPDATES", width: 7, right: true, from: 60,
			cell: func(x RunRow, _ int) string { return orNone(x.Err == nil, fmt.Sprint(x.Updates)) }},
		{head: "TIME", width: 6, right: true, from: 64,
			cell: func(x RunRow, _ int) string { return orNone(x.Err == nil, clock(x.Elapsed)) }},
		{head: "FROM", width: 12, grow: 2, from: 80,
			cell: func(x RunRow, w int) string { return t.cut(r.origin(t, x), w) }},
		{head: "DATA", width: 10, grow: 1, from: 110,
			cell: func(x RunRow, w int) string { return t.cut(t.clean(x.Config.Data), w) }},
		{head: "SPACE", width: 12, from: 170, cell: func(x RunRow, w int) string {
			return orNone(x.Err == nil, t.cut(fmt.Sprintf("B=%d %s", x.Config.Blocks, t.clean(x.Config.Ops)), w))
		}},
		{head: "CONTROLLER", width: 10, from: 110,
			cell: func(x RunRow, w int) string { return t.cut(t.clean(x.Config.Controller.Strategy), w) }},
		{head: "CHANGED", width: 16, from: 120, cell: func(x RunRow, _ int) string {
			return orNone(!x.Changed.IsZero(), x.Changed.Local().Format("2006-01-02 15:04"))
		}},
	}
}

// origin names the run and the policy version that x was forked from.
func (r *runsScreen) origin(t theme, x RunRow) string {
	if x.Parent == "" {
		return t.g.None
	}
	for _, p := range r.rows {
		if p.UUID == x.Parent {
			return fmt.Sprintf("%s@%d", t.clean(p.Name), x.ForkAt)
		}
	}
	return fmt.Sprintf("%.8s@%d", t.clean(x.Parent), x.ForkAt)
}

func (r *runsScreen) view(m *model, w, h int) []string {
	t := m.theme
	list := r.list()
	lower := 0
	if h >= 16 {
		lower = max(9, min(h-len(list)-4, h*3/5))
	}
	p := pane{title: "Runs", focus: true, right: "by " + runOrders[r.order].name,
		foot: m.hint(onRuns, actOpen, actMark, actResumeRun, actDeleteRun)}
	gap := 1
	if w >= 130 {
		gap = 2
	}
	cols := columnsFor(r.columns(t), w-5, gap)
	body := []string{"  " + t.title.Render(row(cols, gap, nil))}
	at := r.index(list)
	from, to := window(len(list), h-lower-3, at)
	for i := from; i < to; i++ {
		sign := " "
		body = append(body, t.tableLine(r.shownSign(m, list[i]), i == at, &sign,
			func() string { return sign + row(cols, gap, &list[i]) }))
	}
	switch {
	case r.err != nil:
		body = append(body, " "+t.bad.Render(t.clean(r.err.Error())))
	case !r.loaded:
		body = append(body, " reading the store")
	case len(list) == 0 && r.filter != "":
		body = append(body, " no run matches the filter")
	case len(list) == 0:
		body = append(body, " no runs yet")
	}
	out := p.draw(t, w, h-lower, body)
	if lower == 0 {
		return out
	}
	if at < 0 {
		return append(out, pane{title: "Selected"}.draw(t, w, lower, nil)...)
	}
	if w < 110 {
		return append(out, r.selectedPane(m, list[at], w, lower)...)
	}
	side := min(60, w*46/100)
	facts := min(lower, 10)
	right := r.selectedPane(m, list[at], side, facts)
	if lower-facts >= 4 {
		right = append(right, r.familyPane(m, list[at], side, lower-facts)...)
	} else {
		right = r.selectedPane(m, list[at], side, lower)
	}
	return append(out, beside(r.curvesPane(m, list[at], w-side, lower), right)...)
}

// onScreen reports whether x is the run that the list was opened from.
func onScreen(m *model, x RunRow) bool { return x.UUID != "" && x.UUID == m.snap.UUID }

// shownSign marks the runs whose curves are compared, and the run that the list was opened from.
func (r *runsScreen) shownSign(m *model, x RunRow) string {
	if slices.Contains(r.marks, x.Dir) {
		return m.theme.mark.Render(m.theme.g.Mark)
	}
	if onScreen(m, x) {
		return m.theme.g.Dot
	}
	return " "
}

func (r *runsScreen) selectedPane(m *model, x RunRow, w, h int) []string {
	t, c := m.theme, x.Config
	p := pane{title: t.clean(x.Name)}
	if onScreen(m, x) {
		p.right = "on the screen"
	}
	if x.Err != nil {
		body := []string{}
		for _, l := range wrap(t.clean(x.Err.Error()), w-4) {
			body = append(body, " "+t.bad.Render(l))
		}
		return p.draw(t, w, h, append(body, " "+t.cut(t.clean(x.Dir), w-4)))
	}
	live := "no process owns it"
	if x.Live {
		live = fmt.Sprintf("process %d on %s owns it", x.PID, t.clean(x.Host))
	}
	from := ""
	if x.Parent != "" {
		from = ", from " + r.origin(t, x)
	}
	body := []string{
		fmt.Sprintf("%s   %s", t.runSign(x), live),
		fmt.Sprintf("%d/%d children, %d failed, %s in training", x.Done+x.Failed, x.Target, x.Failed, clock(x.Elapsed)),
		fmt.Sprintf("%s on %s, B=%d %s, seed %d", t.clean(c.Controller.Strategy), t.clean(c.Data), c.Blocks,
			t.clean(c.Ops), c.Seed),
		fmt.Sprintf("N=%d F=%d %d px, %s, %s", c.Net.N, c.Net.Filters, c.Net.Image,
			plural(c.Train.Epochs, "epoch", "epochs"), plural(c.TrainImages, "image", "images")),
		fmt.Sprintf("update every %d, lr %s", c.Batch, rate(c.Controller.LearningRate)) + from,
		"changed " + x.Changed.Local().Format("2006-01-02 15:04:05"),
		t.clean(x.Dir),
	}
	if l := r.rewardLine(t, x, w-4); l != "" {
		body = slices.Insert(body, 1, l)
	}
	for i := range body {
		body[i] = " " + t.cut(body[i], w-4)
	}
	return p.draw(t, w, h, body)
}

// familyPane draws the tree of forks that the selected run belongs to.
func (r *runsScreen) familyPane(m *model, x RunRow, w, h int) []string {
	t := m.theme
	root := x
	for range r.rows { // bounded, in case the parents form a loop
		i := slices.IndexFunc(r.rows, func(p RunRow) bool { return p.UUID == root.Parent && root.Parent != "" })
		if i < 0 {
			break
		}
		root = r.rows[i]
	}
	var body []string
	var add func(of RunRow, indent string, depth int)
	at := 0
	add = func(of RunRow, indent string, depth int) {
		l := fmt.Sprintf(" %s%s  %s", indent, t.clean(of.Name), t.runSign(of))
		if of.HasBest {
			l += "  " + score(of.Best, 4)
		}
		if depth > 0 {
			l += fmt.Sprintf("  at policy %d", of.ForkAt)
		}
		if of.Dir == x.Dir {
			at, l = len(body), t.bold.Render(stripped(l))
		}
		body = append(body, t.cut(l, w-3))
		for _, c := range r.rows {
			if of.UUID != "" && c.Parent == of.UUID && c.Dir != of.Dir && depth < 20 {
				add(c, strings.Repeat("   ", depth)+t.g.LastBranch+" ", depth+1)
			}
		}
	}
	add(root, "", 0)
	from, _ := window(len(body), h-2, at)
	return pane{title: "Family"}.draw(t, w, h, body[from:])
}
