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

// OfRetrains makes a ladder of a run's retrains, which come newest first as in [nas.Snapshot]. It returns one result
// per rung, the rung of the newest retrain first. Trainings of a cell with the same seed are identical and count once.
// For a few hundred cells, computing the intervals takes a second.
func OfRetrains(retrains []nas.TrialView) (out []Result) {
	baselines := map[string]Candidate{}
	for _, b := range Baselines() {
		baselines[b.Genotype.Hash()] = b
	}
	type rung struct {
		Rung
		standings []Standing
		places    map[string]int // index in standings, by hash of the cell
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

// distinctRetrains drops stopped retrains and invalid cells, and keeps one of each set of identical trainings: one with
// a result, otherwise the newest.
func distinctRetrains(retrains []nas.TrialView) (out []nas.TrialView) {
	type training struct {
		cell string
		spec nas.RetrainSpec
	}
	places := map[training]int{} // index in out
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

// HasTraining reports whether a run has, or will have, a retrain of a cell that gives the same weights.
func HasTraining(retrains []nas.TrialView, g space.Genotype, spec nas.RetrainSpec) bool {
	of := func(s nas.RetrainSpec) nas.RetrainSpec { // a folder's path may be relative
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

// scaleOf returns what trainings on a rung have in common, with defaults filled in and without what the evaluator takes
// from the images.
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

// candidate returns the cell of a retrain, with its reward in the search or the name of the baseline.
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

// distinguish makes equal names of different rungs unique, by adding the settings in which they differ.
func distinguish(results []Result) {
	same := map[string][]*Rung{}
	var names []string // in order
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

// differences returns the settings of r in which any of the rungs among differs.
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
			judged = fmt.Sprintf("%d held-out images", r.Data.ValImages)
		}
		out = append(out, judged)
	}
	return strings.Join(out, ", ")
}

// MostSeeds is the largest number of seeds that [Commands] accepts.
const MostSeeds = 100

// Commands returns the commands that retrain cells, and the baselines if wanted, with one set of settings. Each of
// cells names a cell and, if it has one, its trial. Every cell is trained with seeds seeds, counted from spec.Seed; the
// commands go seed by seed, so that all cells can be compared early. A cell that occurs twice counts once. If there are
// several commands, those that the run has done already, or is doing, are omitted.
func Commands(s *nas.Snapshot, cells []nas.Command, spec nas.RetrainSpec, baselines bool,
	seeds int) (all []nas.Command) {
	var members []nas.Command
	add := func(c nas.Command) {
		text := c.Cell.Text()
		// the best random cell may be one of the cells
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
