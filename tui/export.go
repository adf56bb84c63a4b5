package tui

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/space"
	"nasnet/tui/celldraw"
	"nasnet/tui/term"
)

// export is a file that a screen can write. Its content is made outside Update.
type export struct {
	label, name string
	make        func() ([]byte, error)
}

// exporter is a screen with files to write besides its own picture.
type exporter interface {
	exports(m *model) []export
}

// yanker is a screen with a text to copy; what names the text.
type yanker interface {
	yank(m *model) (what, text string)
}

type writtenMsg struct {
	what, path string
	err        error
}

// openWrite offers the files that the screen below can write.
func openWrite(m *model) (screen, string) {
	if m.options.Write == nil {
		return nil, "files cannot be written from here"
	}
	var list []export
	if x, ok := m.top().(exporter); ok {
		list = x.exports(m)
	}
	picture, width := strings.Join(m.draw(), "\n"), m.w
	list = append(list, export{"this screen as text", "screen.txt", func() ([]byte, error) {
		var b strings.Builder
		for _, l := range strings.Split(picture, "\n") {
			b.WriteString(strings.TrimRight(stripped(l), " ") + "\n")
		}
		return []byte(b.String()), nil
	}}, export{"this screen as SVG", "screen.svg",
		func() ([]byte, error) { return []byte(term.SVG(strings.Split(picture, "\n"), width)), nil }})
	d := &menuDialog{title: "Write", input: newLineEdit("", 60)}
	for _, x := range list {
		d.items = append(d.items, menuItem{x.label, x.name,
			func(m *model) tea.Cmd { return writeTo(m.options.Write, m.snap.Dir, x) }})
	}
	return d, ""
}

// writeTo makes a file that belongs to the run in dir.
func writeTo(write func(dir, name string, content []byte) (string, error), dir string, x export) tea.Cmd {
	return safe("writing "+x.name, func() tea.Msg {
		b, err := x.make()
		if err != nil {
			return writtenMsg{what: x.label, err: err}
		}
		path, err := write(dir, x.name, b)
		return writtenMsg{"wrote " + x.label, path, err}
	})
}

// copyText sends the screen's text to the terminal's clipboard, and to a file as well, because many terminals and
// multiplexers drop it.
func (m *model) copyText() tea.Cmd {
	y, ok := m.top().(yanker)
	if !ok {
		return m.say("there is nothing to copy here", true)
	}
	what, text := y.yank(m)
	if text == "" {
		return m.say("there is nothing to copy yet", true)
	}
	dir, write, clip := m.snap.Dir, m.options.Write, m.clip
	return safe("copying", func() tea.Msg {
		msg := writtenMsg{what: "copied " + what}
		if clip != nil {
			msg.err = clip(text)
		}
		if write != nil {
			msg.path, msg.err = write(dir, "copied.txt", []byte(text+"\n"))
		}
		return msg
	})
}

// written reports how writing a file went.
func (m *model) written(msg writtenMsg) tea.Cmd {
	if msg.err != nil {
		return m.say(msg.what+": "+msg.err.Error(), true)
	}
	if msg.path != "" {
		msg.what += " to"
	}
	end := m.say(msg.what, false)
	m.toast.path = m.theme.clean(msg.path)
	return end
}

// cellExports lists the formats in which a trial's cell can be written.
func cellExports(t theme, v nas.TrialView) []export {
	g := v.Genotype
	g.Name = ""
	if g.Validate() != nil {
		return nil
	}
	text := func(s string) func() ([]byte, error) { return func() ([]byte, error) { return []byte(s), nil } }
	name := "cell-" + g.ShortHash()
	out := []export{
		{"cell as JSON", name + ".json", func() ([]byte, error) {
			b, err := json.MarshalIndent(g, "", "  ")
			return append(b, '\n'), err
		}},
		{"cell as a picture (SVG)", name + ".svg", func() ([]byte, error) { return []byte(celldraw.SVG(g)), nil }},
		{"cell for Graphviz (DOT)", name + ".dot", func() ([]byte, error) { return []byte(celldraw.Dot(g)), nil }},
		{"cell drawn as text", name + ".txt", func() ([]byte, error) {
			s := g.Text() + "\n"
			for _, reduction := range []bool{false, true} {
				s += "\n" + cellName(reduction) + " cell\n\n" + celldraw.Text(
					celldraw.Ladder(cellOf(g, reduction), celldraw.Options{Tier: t.g.Tier, Reduction: reduction}))
			}
			return []byte(s), nil
		}},
	}
	if darts, err := g.DARTS(); err == nil {
		out = append(out, export{"cell as DARTS writes it", name + "-darts.txt", text(darts + "\n")})
	}
	if len(v.Curve) > 0 {
		out = append(out, export{"training curve (CSV)", fmt.Sprintf("curve-%s.csv", v.Label()),
			func() ([]byte, error) {
				rows := [][]string{{"epoch", "lr", "keep", "train_loss", "train_acc", "val_loss", "val_acc", "seconds"}}
				for _, e := range v.Curve {
					rows = append(rows, append([]string{strconv.Itoa(e.Epoch)},
						numbers(e.LR, e.Keep, e.TrainLoss, e.TrainAcc, e.ValLoss, e.ValAcc, e.Seconds)...))
				}
				return table(rows)
			}})
	}
	return out
}

func numbers(xs ...float64) (out []string) {
	for _, x := range xs {
		out = append(out, strconv.FormatFloat(x, 'g', -1, 64))
	}
	return out
}

// table writes rows as CSV.
func table(rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	err := w.WriteAll(rows)
	return b.Bytes(), err
}

// exports offers the cell under the cursor and the tables of the run.
func (d *dashboard) exports(m *model) []export {
	var out []export
	if v, ok := d.selected(m); ok {
		out = cellExports(m.theme, v)
	}
	s := m.snap
	top := d.shown.list(s, m.latency)
	out = append(out,
		topExport("top cells (CSV)", "top-cells.csv", s, top, m.latency),
		export{"rewards by child (CSV)", "rewards.csv", func() ([]byte, error) {
			rows := [][]string{{"child", "reward", "mean_of_20", "best"}}
			for _, r := range s.Rewards {
				rows = append(rows, append([]string{strconv.Itoa(r.Trial)}, numbers(r.Reward, r.Mean, r.Best)...))
			}
			return table(rows)
		}},
		updatesExport(s),
		export{"everything on the screen (JSON)", "snapshot.json", func() ([]byte, error) {
			b, err := json.MarshalIndent(s, "", " ")
			return append(b, '\n'), err
		}})
	return out
}

// topExport is the table of best cells as a file. It makes the rows at once, because the screen may measure more cells
// while the file is written.
func topExport(label, name string, s *nas.Snapshot, cells []nas.TrialView, latency latencyOf) export {
	rows := topCells(s, cells, latency)
	return export{label, name, func() ([]byte, error) { return TopCSV(rows) }}
}

func updatesExport(s *nas.Snapshot) export {
	return export{"policy updates (CSV)", "updates.csv", func() ([]byte, error) {
		rows := [][]string{{"version", "mean_reward", "max_reward", "baseline", "entropy", "max_entropy", "kl",
			"clip_fraction", "grad_norm", "samples"}}
		for _, u := range s.Updates {
			row := append([]string{strconv.Itoa(u.Version)}, numbers(u.MeanReward, u.MaxReward, u.Baseline, u.Entropy,
				u.MaxEntropy, u.KL, u.ClipFraction, u.GradNorm)...)
			rows = append(rows, append(row, strconv.Itoa(u.Samples)))
		}
		return table(rows)
	}}
}

func (d *dashboard) yank(m *model) (what, text string) {
	v, ok := d.selected(m)
	if !ok {
		return "", ""
	}
	return yankCell(v)
}

// yankCell returns a cell as one line, which nasnet cell and nasnet ctl submit accept.
func yankCell(v nas.TrialView) (what, text string) {
	g := v.Genotype
	g.Name = ""
	return "cell " + short(v), g.Text()
}

func (c *cellScreen) exports(m *model) []export {
	v, _ := c.selected(m)
	return cellExports(m.theme, v)
}

func (c *cellScreen) yank(m *model) (what, text string) {
	v, _ := c.selected(m)
	return yankCell(v)
}

func (e *editScreen) exports(m *model) []export {
	v, _ := e.selected(m)
	return cellExports(m.theme, v)
}

func (e *editScreen) yank(m *model) (what, text string) {
	v, _ := e.selected(m)
	return yankCell(v)
}

func (c *compareScreen) exports(m *model) []export {
	a, b := c.pair(m)
	out := []export{{"differences (CSV)", fmt.Sprintf("compare-%s-%s.csv", short(a), short(b)), func() ([]byte, error) {
		rows := [][]string{{"cell", "block", "decision", "a", "b"}}
		for _, d := range space.Diff(a.Genotype, b.Genotype) {
			rows = append(rows, []string{d.Cell, strconv.Itoa(d.Block), d.Field, d.A, d.B})
		}
		return table(rows)
	}}}
	for i, v := range []nas.TrialView{a, b} {
		for _, x := range cellExports(m.theme, v) {
			x.label = "AB"[i:i+1] + ": " + x.label
			out = append(out, x)
		}
	}
	return out
}

func (c *compareScreen) yank(m *model) (what, text string) {
	a, b := c.pair(m)
	var lines []string
	for _, d := range space.Diff(a.Genotype, b.Genotype) {
		lines = append(lines, d.String())
	}
	return "the differences", strings.Join(lines, "\n")
}

func (p *policyScreen) exports(m *model) []export {
	out := []export{updatesExport(m.snap)}
	d := decisionsOf(m.snap)
	if d == nil {
		return out
	}
	if len(d.Probabilities) > 0 {
		out = append(out, export{"probabilities (CSV)", "probabilities.csv", func() ([]byte, error) {
			rows := [][]string{{"decision", "choice", "probability"}}
			for i, row := range d.Probabilities {
				for c, p := range row {
					rows = append(rows, []string{d.names[i], d.labels[i][c], numbers(p)[0]})
				}
			}
			return table(rows)
		}})
	}
	return append(out, export{"entropies by batch (CSV)", "entropies.csv", func() ([]byte, error) {
		rows := [][]string{append([]string{"batch"}, d.names...)}
		for _, e := range d.Entropy {
			rows = append(rows, append([]string{strconv.Itoa(e.Batch)}, numbers(e.Nats...)...))
		}
		return table(rows)
	}})
}

func (l *logScreen) exports(m *model) []export {
	events := l.events(m)
	return []export{{"these events (JSON lines)", "events.jsonl", func() ([]byte, error) {
		var b bytes.Buffer
		for _, e := range events {
			line, err := e.MarshalJSON()
			if err != nil {
				return nil, err
			}
			b.Write(append(line, '\n'))
		}
		return b.Bytes(), nil
	}}}
}

func (l *logScreen) yank(m *model) (what, text string) {
	events := l.events(m)
	i := l.index(events)
	if i < 0 {
		return "", ""
	}
	b, err := events[i].MarshalJSON()
	if err != nil {
		return "", ""
	}
	return "the event", string(b)
}

func (r *runsScreen) exports(*model) []export {
	list := r.list()
	return []export{{"runs (CSV)", "runs.csv", func() ([]byte, error) {
		rows := [][]string{{"name", "state", "live", "done", "failed", "children", "best", "updates", "seconds",
			"parent", "forked_at", "data", "strategy", "changed", "dir"}}
		for _, x := range list {
			best := ""
			if x.HasBest {
				best = numbers(x.Best)[0]
			}
			rows = append(rows, []string{x.Name, x.State, fmt.Sprint(x.Live), fmt.Sprint(x.Done), fmt.Sprint(x.Failed),
				fmt.Sprint(x.Target), best, fmt.Sprint(x.Updates),
				numbers(x.Elapsed.Seconds())[0], x.Parent, fmt.Sprint(x.ForkAt), x.Config.Data,
				x.Config.Controller.Strategy, x.Changed.UTC().Format("2006-01-02T15:04:05Z"), x.Dir})
		}
		return table(rows)
	}}}
}

func (r *runsScreen) yank(*model) (what, text string) {
	list := r.list()
	if i := r.index(list); i >= 0 {
		return "the folder", list[i].Dir
	}
	return "", ""
}

// clipboard returns a function that sends a text to the terminal's clipboard.
func clipboard(w interface{ Write([]byte) (int, error) }) func(string) error {
	return func(text string) error {
		_, err := w.Write(term.Clipboard(text)) // in one piece, between two frames
		return err
	}
}
