package tui

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/child"
)

// netOf returns what a measurement depends on besides the cell: the network, and the data that give its channels and
// classes.
func netOf(c nas.Config, v nas.TrialView) nas.RetrainSpec {
	s := nas.RetrainSpec{Setup: child.Setup{Net: c.Net}, Data: nas.DataSpec{Name: c.Data, Image: c.Net.Image}}
	if v.Retrain != nil {
		s.Net, s.Data.Name, s.Data.Image = v.Retrain.Net, v.Retrain.Data.Name, v.Retrain.Data.Image
	}
	return s
}

// latencyOf returns what was measured of a trial's network, or the zero value.
func (k *knowledge) latencyOf(v nas.TrialView, c nas.Config) child.Latency {
	if len(k.latencies) == 0 {
		return child.Latency{}
	}
	return k.latencies[latencyKey(c, v)]
}

func latencyKey(c nas.Config, v nas.TrialView) string {
	s := netOf(c, v)
	return fmt.Sprintf("%s %s %+v", v.Genotype.Text(), s.Data.Name, s.Net)
}

// latency returns a trial's latency for one image on one thread, in milliseconds, as measured by the search or on this
// screen; 0 if neither has.
func (m *model) latency(v nas.TrialView) float64 {
	if v.Latency > 0 {
		return v.Latency
	}
	return oneImage(m.latencyOf(v, m.snap.Config))
}

// oneImage returns the first point of a measurement in milliseconds, or 0 if there is none.
func oneImage(l child.Latency) float64 {
	if len(l.Network) == 0 {
		return 0
	}
	return l.Network[0].MS
}

// latencyText writes a latency for a table; 0 means not known.
func latencyText(t theme, ms float64) string {
	if ms > 0 {
		return millis(ms)
	}
	return t.g.None
}

// millis writes a time in at most seven characters: 0.186ms, 1.82ms, 12.4ms, 1320ms.
func millis(ms float64) string {
	switch {
	case ms < 0.9995:
		return fmt.Sprintf("%.3fms", ms)
	case ms < 9.995:
		return fmt.Sprintf("%.2fms", ms)
	case ms < 99.95:
		return fmt.Sprintf("%.1fms", ms)
	case ms < 99_999.5:
		return fmt.Sprintf("%.0fms", ms)
	}
	return fmt.Sprintf("%.0es", ms/1e3)
}

// measure measures the latency of the selected trial, which takes about a second, and more for a large network.
func (m *model) measure() tea.Cmd {
	v, ok := m.picked()
	if !ok || v.Genotype.Validate() != nil {
		return m.say("no cell is selected to measure", true)
	}
	if m.options.Latency == nil {
		return m.say("latency cannot be measured from here", true)
	}
	spec, key, who, measure := netOf(m.snap.Config, v), latencyKey(m.snap.Config, v), m.theme.trial(v),
		m.options.Latency
	return m.measured("latency", "measuring "+who+" …", func() (finding, error) {
		l, err := measure(v.Genotype, spec)
		if err != nil {
			return finding{}, err
		}
		return finding{fmt.Sprintf("%s: %s an image on one thread", who, millis(oneImage(l))), func(k *knowledge) {
			if k.latencies == nil || len(k.latencies) > 1000 {
				k.latencies = map[string]child.Latency{}
			}
			k.latencies[key] = l
		}}, nil
	})
}

// operandTime returns how long an op of a measured cell takes for one image, over all cells of its kind; empty if it
// was not measured.
func operandTime(l child.Latency, reduction bool, block, operand int) string {
	for _, r := range l.Operands {
		if r.Cell == cellName(reduction) && r.Block == block && r.Operand == operand && len(r.MS) > 0 {
			return millis(r.MS[0])
		}
	}
	return ""
}

// latencyTable shows what was measured of a trial's network, in lines of at most w cells: for each batch size the
// milliseconds on one thread, on all threads that share the images, and on all threads that share the branches of the
// network.
func latencyTable(t theme, l child.Latency, w int) (out []string) {
	threads := 1
	for _, p := range l.Network {
		threads = max(threads, p.Threads)
	}
	if threads == 1 && len(l.Batches) < 2 {
		return nil // the latency line already shows it
	}
	if threads == 1 {
		threads = 0 // its columns would be empty
	}
	widths, heads, images := []int{7, 7, 7, 10}, []string{"ms", "1 thr", fmt.Sprintf("%d thr", threads), "branches"},
		" img"
	if w < 32 {
		widths, heads, images = []int{3, 5, 5, 6},
			[]string{"ms", "1t", fmt.Sprintf("%dt", threads), fmt.Sprintf("%dbr", threads)}, ""
	}
	line := func(cells []string) {
		s := " " + fit(cells[0], widths[0])
		for i, n := range widths[1:] {
			s += fitRight(cells[1+i], n)
		}
		out = append(out, t.cut(s, w))
	}
	if threads == 0 {
		widths, heads = widths[:2], heads[:2]
	}
	line(heads)
	for _, batch := range l.Batches {
		cells := []string{fmt.Sprint(batch) + images, "", "", ""}
		for i := range cells[1:] {
			cells[1+i] = t.g.None
		}
		for _, p := range l.Network {
			if p.Batch == batch {
				place := 1
				if p.Branches {
					place = 3
				} else if p.Threads > 1 {
					place = 2
				}
				cells[place] = strings.TrimSuffix(millis(p.MS), "ms")
				if p.MS >= 9999.5 {
					cells[place] = fmt.Sprintf("%.0fs", p.MS/1e3)
				}
			}
		}
		line(cells)
	}
	return out
}
