package experiment

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/setting"
	"nasnet/nas/space"
)

// Candidate is a cell on a ladder.
type Candidate struct {
	Name     string         `json:"name"`
	Genotype space.Genotype `json:"-"`
	Text     string         `json:"cell"`
	Reward   float64        `json:"reward,omitempty"` // in the search; a baseline has none
	Baseline string         `json:"baseline,omitempty"`

	Kind   nas.Kind `json:"kind,omitempty"`   // of the trial that earned the reward; empty if none did
	Origin string   `json:"origin,omitempty"` // in words, if the controller did not propose it
}

// OriginOf says in words where trials of a kind come from; it is empty for samples.
func OriginOf(k nas.Kind) string {
	switch k {
	case nas.Random:
		return "random cell"
	case nas.Submitted:
		return "made by hand"
	}
	return ""
}

// Is says what the candidate is; it is empty for samples.
func (c Candidate) Is() string { return cmp.Or(c.Baseline, c.Origin) }

// Baselines returns the cells that a search has to beat: the paper's, and one with only separable 3x3 convolutions.
func Baselines() []Candidate {
	known, err := space.Lookup("nasnet-a")
	if err != nil {
		panic("experiment: " + err.Error())
	}
	plain, err := space.ParseText(allSep3x3)
	if err != nil {
		panic("experiment: " + err.Error())
	}
	return []Candidate{
		{Name: "NASNet-A", Genotype: known.Genotype, Text: known.Genotype.Text(), Baseline: "the paper's cell"},
		{Name: "all-sep3x3", Genotype: plain, Text: plain.Text(), Baseline: "every op a separable 3x3"},
	}
}

const allSep3x3 = "normal=h.s3+p.s3 h.s3+p.s3 h.s3+p.s3 h.s3+p.s3 h.s3+p.s3 [01234] reduction=h.s3+p.s3 h.s3+p.s3 " +
	"h.s3+p.s3 h.s3+p.s3 h.s3+p.s3 [01234]"

// Rung is a scale at which candidates are trained.
type Rung struct {
	Name  string            `json:"name"`
	Data  nas.DataSpec      `json:"data"`
	Net   child.NetConfig   `json:"net"`
	Train child.TrainConfig `json:"train"`
}

// NewRung returns a rung named by what rungs usually differ in, and by the settings in which it differs from base.
func NewRung(data nas.DataSpec, s, base child.Setup) Rung {
	name := fmt.Sprintf("%s at %d px, N=%d F=%d, %s", data.Name, s.Net.Image, s.Net.N, s.Net.Filters,
		nas.FormatCount(s.Train.Epochs, "epoch", "epochs"))
	for _, r := range child.Settings.For(setting.Rung) {
		if named := r.Name == "n" || r.Name == "filters" || r.Name == "epochs"; !named && r.Get(s) != r.Get(base) {
			name += ", " + r.Text(s)
		}
	}
	return Rung{Name: name, Data: data, Net: s.Net, Train: s.Train}
}

func (r Rung) setup() child.Setup { return child.Setup{Net: r.Net, Train: r.Train} }

// Same reports whether trainings on both rungs differ only in their seeds. Names do not matter.
func (r Rung) Same(o Rung) bool { return r.Data == o.Data && r.Net == o.Net && r.Train == o.Train }

// Ladder trains candidates at rungs, with several seeds each.
type Ladder struct {
	Candidates []Candidate
	Rungs      []Rung
	Seeds      []uint64
}

// Trainings lists what the ladder trains: rung by rung, seed by seed, so that the cells of an unfinished ladder can be
// compared.
func (l Ladder) Trainings() (ts []Training) {
	for _, r := range l.Rungs {
		for _, seed := range l.Seeds {
			for _, c := range l.Candidates {
				ts = append(ts, Training{Name: c.Name, Rung: r.Name, Genotype: c.Genotype, Data: r.Data, Net: r.Net,
					Train: r.Train, Seed: seed})
			}
		}
	}
	return ts
}

// Standing is a candidate at a rung.
type Standing struct {
	Candidate
	Accuracy []float64 `json:"accuracy"`     // by seed, of the finished trainings
	Mean     float64   `json:"mean"`         // of Accuracy
	SD       float64   `json:"sd,omitempty"` // between seeds
	MAdds    int64     `json:"madds"`
	Params   int64     `json:"trainable"` // for a run's retrains including moving statistics, as a run counts
	Place    int       `json:"place"`     // from 1, by the mean
	Failed   string    `json:"failed,omitempty"`

	// for a run's retrains only
	Trials []int      `json:"trials,omitempty"` // their numbers, newest last
	Open   int        `json:"open,omitempty"`   // how many have not ended
	Found  *nas.Found `json:"found,omitempty"`  // the cell in the search; nil if it has no reward there
}

// Result is the result of a rung.
type Result struct {
	Rung      Rung       `json:"rung"`
	Standings []Standing `json:"standings"` // best mean first; those without results last

	// Over candidates with a reward; nil if there are too few.
	Reward  *Interval `json:"reward_correlation,omitempty"` // rank correlation of reward and accuracy
	MAdds   *Interval `json:"madds_correlation,omitempty"`  // of multiply-adds and accuracy, the trivial predictor
	Partial *Interval `json:"partial,omitempty"`            // of reward and accuracy, given the multiply-adds
	Curse   string    `json:"curse,omitempty"`              // how the search's best did, in words
}

// Results reads the finished trainings.
func (l Ladder) Results(g *Grid) (out []Result) {
	for _, r := range l.Rungs {
		var standings []Standing
		for _, c := range l.Candidates {
			s := Standing{Candidate: c}
			for _, seed := range l.Seeds {
				row, ok := g.Row(Training{Name: c.Name, Rung: r.Name, Genotype: c.Genotype, Data: r.Data, Net: r.Net,
					Train: r.Train, Seed: seed})
				switch {
				case !ok:
				case row.Failed != "":
					s.Failed = row.Failed
				default:
					s.Accuracy, s.MAdds, s.Params = append(s.Accuracy, row.Accuracy), row.MAdds, row.Trainable
				}
			}
			standings = append(standings, s)
		}
		out = append(out, compare(r, standings))
	}
	return out
}

// compare sorts standings with known accuracies and judges the search by them.
func compare(r Rung, standings []Standing) Result {
	for i := range standings {
		s := &standings[i]
		if len(s.Accuracy) > 0 {
			s.Mean = stat.Mean(s.Accuracy, nil)
		}
		if len(s.Accuracy) > 1 {
			s.SD = stat.StdDev(s.Accuracy, nil)
		}
	}
	slices.SortStableFunc(standings, func(a, b Standing) int { return sign(b.Mean - a.Mean) })
	for i := range standings {
		standings[i].Place = i + 1
	}
	res := Result{Rung: r, Standings: standings}
	res.judge()
	return res
}

// Says returns sentences about what the rung shows about the search.
func (r Result) Says() (out []string) {
	for _, x := range []struct {
		name string
		iv   *Interval
	}{{"reward", r.Reward}, {"multiply-adds", r.MAdds}, {"reward, given the multiply-adds", r.Partial}} {
		if x.iv != nil {
			out = append(out, fmt.Sprintf("rank correlation with %s: %.2f (95 %% %.2f to %.2f, %d cells)", x.name,
				x.iv.Value, x.iv.Low, x.iv.High, x.iv.N))
		}
	}
	if r.Reward == nil {
		out = append(out, "a rank correlation needs three cells with different rewards and accuracies")
	}
	if r.Curse != "" {
		out = append(out, r.Curse)
	}
	return out
}

// judge fills in what the standings show about the search.
func (r *Result) judge() {
	var reward, accuracy, madds []float64
	var ranked []Standing
	for _, s := range r.Standings {
		if len(s.Accuracy) > 0 && s.Baseline == "" {
			ranked = append(ranked, s)
			reward, accuracy, madds = append(reward, s.Reward), append(accuracy, s.Mean),
				append(madds, float64(s.MAdds))
		}
	}
	keep := func(iv Interval, ok bool) *Interval {
		if !ok {
			return nil
		}
		return &iv
	}
	r.Reward, r.MAdds, r.Partial = keep(rankCorrelation(reward, accuracy)), keep(rankCorrelation(madds, accuracy)),
		keep(partialCorrelation(reward, accuracy, madds))
	if len(ranked) < 2 {
		return
	}
	best := slices.MaxFunc(ranked, func(a, b Standing) int { return sign(a.Reward - b.Reward) })
	place := 1 + count(ranked, func(s Standing) bool { return s.Mean > best.Mean })
	if place == 1 {
		r.Curse = fmt.Sprintf("none of the %d beats the search's best, %s", len(ranked), best.Name)
		return
	}
	r.Curse = fmt.Sprintf("winner's curse: the search's best, %s, is number %d of %d here, %.2f points behind %s, "+
		"which was number %d of them in the search", best.Name, place, len(ranked),
		100*(ranked[0].Mean-best.Mean), ranked[0].Name,
		1+count(ranked, func(s Standing) bool { return s.Reward > ranked[0].Reward }))
}

func sign(d float64) int {
	switch {
	case d < 0:
		return -1
	case d > 0 && !math.IsNaN(d):
		return 1
	}
	return 0
}

func count[T any](xs []T, is func(T) bool) (n int) {
	for _, x := range xs {
		if is(x) {
			n++
		}
	}
	return n
}
