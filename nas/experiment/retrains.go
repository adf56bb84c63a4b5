package experiment

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// OfRetrains makes the ladder of a run's retrains, newest first as in [nas.Snapshot]: a result for each rung, that of
// the newest retrain first. Of trainings of a cell with the same seed, which are the same to the bit, one counts. The
// intervals of some hundred cells take a second.
func OfRetrains(retrains []nas.TrialView) (out []Result) {
	baselines := map[string]Candidate{}
	for _, b := range Baselines() {
		baselines[b.Genotype.Hash()] = b
	}
	type rung struct {
		Rung
		standings []Standing
		places    map[string]int // in standings, by hash of the cell
	}
	var rungs []*rung
	for _, v := range distinctRetrains(retrains) {
		spec := scaleOf(*v.Retrain)
		scale := NewRung(spec.Data, spec.Setup, spec.Setup)
		i := slices.IndexFunc(rungs, func(r *rung) bool { return r.Same(scale) })
		if i < 0 {
			i = len(rungs)
			rungs = append(rungs, &rung{Rung: scale, places: map[string]int{}})
		}
		r, hash := rungs[i], v.Genotype.Hash()
		k, ok := r.places[hash]
		if !ok {
			k = len(r.standings)
			c := candidate(v, baselines[hash])
			r.places[hash], r.standings = k, append(r.standings, Standing{Candidate: c, Found: v.Found})
		}
		s := &r.standings[k]
		s.Trials = append([]int{v.ID}, s.Trials...)
		switch {
		case v.State == nas.Done && v.HasReward:
			s.Accuracy, s.Params, s.MAdds = append([]float64{v.Reward}, s.Accuracy...), v.Params, v.MAdds
		case v.State == nas.Failed:
			s.Failed = v.FailText
		default:
			s.Open++
		}
	}
	for _, r := range rungs {
		out = append(out, compare(r.Rung, r.standings))
	}
	distinguish(out)
	return out
}

// distinctRetrains drops stopped retrains and invalid cells, and keeps one of each set of identical trainings: one that
// has a result, or else the newest.
func distinctRetrains(retrains []nas.TrialView) (out []nas.TrialView) {
	type training struct {
		cell string
		spec nas.RetrainSpec
	}
	places := map[training]int{} // in out
	for _, v := range retrains {
		if v.Retrain == nil || v.State == nas.Stopped || v.Genotype.Validate() != nil {
			continue
		}
		t := training{v.Genotype.Text(), scaleOf(*v.Retrain)}
		t.spec.Seed = v.Retrain.Seed
		switch k, again := places[t]; {
		case !again:
			places[t] = len(out)
			out = append(out, v)
		case out[k].State != nas.Done && v.State == nas.Done:
			out[k] = v
		}
	}
	return out
}

// HasTraining says that a run has, or will have, a retrain of a cell that gives the same weights.
func HasTraining(retrains []nas.TrialView, g space.Genotype, spec nas.RetrainSpec) bool {
	of := func(s nas.RetrainSpec) nas.RetrainSpec { // a folder may be named from where the program stands
		s = scaleOf(s)
		if path, err := filepath.Abs(s.Data.Name); err == nil {
			s.Data.Name = path
		}
		return s
	}
	return slices.ContainsFunc(retrains, func(v nas.TrialView) bool {
		return v.State != nas.Failed && v.State != nas.Stopped && v.Retrain != nil && v.Retrain.Seed == spec.Seed &&
			of(*v.Retrain) == of(spec) && v.Genotype.Text() == g.Text()
	})
}

// scaleOf is what trainings on a rung have in common, with its defaults and without what the evaluator takes from the
// images.
func scaleOf(s nas.RetrainSpec) nas.RetrainSpec {
	s.Seed, s.Data.Dir = 0, ""
	if s.Data.Test { // all images
		s.Data.TrainImages, s.Data.ValImages, s.Data.Seed = 0, 0, 0
	}
	s.Train = s.Train.Alone()
	if s.Data.Image > 0 {
		s.Net.Image = s.Data.Image
	}
	s.Net.Channels, s.Net.Classes = 0, 0
	s.Net, s.Train = s.Net.WithDefaults(), s.Train.WithDefaults()
	return s
}

// candidate is the cell of a retrain with the reward that the search gave it, or the baseline that it is.
func candidate(v nas.TrialView, baseline Candidate) Candidate {
	c := Candidate{Name: "cell " + v.Cell[:min(4, len(v.Cell))], Genotype: v.Genotype, Text: v.Genotype.Text(),
		Baseline: "no reward in the search"}
	switch {
	case v.Found != nil:
		c.Name, c.Reward, c.Baseline = "trial "+nas.TrialLabel(v.Found.Trial), v.Found.Reward, ""
		c.Kind, c.Origin = v.Found.Kind, OriginOf(v.Found.Kind)
	case baseline.Name != "":
		c.Name, c.Baseline = baseline.Name, baseline.Baseline
	}
	return c
}

// distinguish makes the names of rungs differ that differ in what a name does not say: by the settings in which they
// do.
func distinguish(results []Result) {
	same := map[string][]*Rung{}
	var names []string // in their order
	for i := range results {
		r := &results[i].Rung
		if same[r.Name] == nil {
			names = append(names, r.Name)
		}
		same[r.Name] = append(same[r.Name], r)
	}
	for _, name := range names {
		rungs := same[name]
		if len(rungs) == 1 {
			continue
		}
		seen := map[string]int{}
		for _, r := range rungs {
			if differ := differences(r, rungs); differ != "" {
				r.Name += ", " + differ
			}
			if seen[r.Name]++; seen[r.Name] > 1 {
				r.Name += fmt.Sprintf(" (%d)", seen[r.Name])
			}
		}
	}
}

// differences is the settings in which any of the rungs differ, as one of them has them.
func differences(r *Rung, among []*Rung) string {
	var out []string
	for _, row := range child.Settings {
		if slices.ContainsFunc(among, func(o *Rung) bool { return row.Get(o.setup()) != row.Get(r.setup()) }) {
			out = append(out, row.Text(r.setup()))
		}
	}
	if slices.ContainsFunc(among, func(o *Rung) bool { return o.Data != r.Data }) {
		judged := "test images"
		if !r.Data.Test {
			judged = fmt.Sprintf("%d images held out", r.Data.ValImages)
		}
		out = append(out, judged)
	}
	return strings.Join(out, ", ")
}

// MostSeeds is with how many seeds [Commands] may be asked to train each cell.
const MostSeeds = 100

// Commands are the retrains of cells, given as commands with a cell and the trial that it is of, if it is of one, and
// of the baselines if they are wanted: the same settings for each, with so many seeds from that of the settings, seed
// by seed, so that all cells can be compared early. Cells that come twice count once. With several, those that the run
// has already, or is at, are left out.
func Commands(s *nas.Snapshot, cells []nas.Command, spec nas.RetrainSpec, baselines bool,
	seeds int) (all []nas.Command) {
	var members []nas.Command
	add := func(c nas.Command) {
		text := c.Cell.Text()
		// the best random cell may be among them
		if !slices.ContainsFunc(members, func(x nas.Command) bool { return x.Cell.Text() == text }) {
			members = append(members, c)
		}
	}
	for _, c := range cells {
		add(c)
	}
	if baselines {
		for _, b := range Baselines() {
			add(nas.Command{Cell: &b.Genotype, Text: b.Name})
		}
		if k := slices.IndexFunc(s.Top, func(v nas.TrialView) bool { return v.Kind == nas.Random }); k >= 0 {
			add(nas.Command{Cell: &s.Top[k].Genotype, Parent: &s.Top[k].ID, Text: "best random cell"})
		}
	}
	for i := range seeds {
		for _, c := range members {
			of := spec
			of.Seed += uint64(i)
			c.Do, c.Retrain = nas.Retrain, &of
			all = append(all, c)
		}
	}
	if len(all) == 1 {
		return all
	}
	return slices.DeleteFunc(all, func(c nas.Command) bool { return HasTraining(s.Retrains, *c.Cell, *c.Retrain) })
}
