package experiment

import (
	"fmt"
	"slices"

	"nasnet/nas"
	"nasnet/nas/child"
)

// OfRetrains makes the ladder of a run's retrains, newest first as in [nas.Snapshot]: a result for each rung, that of the newest retrain first. A cell with the
// same seed twice counts once: both trainings are the same to the bit. The intervals take some milliseconds.
func OfRetrains(retrains []nas.TrialView) (out []Result) {
	type rung struct {
		Rung
		standings []Standing
		places    map[string]int  // in standings, by cell
		seen      map[string]bool // cell and seed
	}
	var rungs []*rung
	baselines := map[string]Candidate{}
	for _, b := range Baselines() {
		baselines[b.Genotype.ShortHash()] = b
	}
	for _, v := range retrains {
		if v.Retrain == nil {
			continue
		}
		spec := scaleOf(*v.Retrain)
		i := slices.IndexFunc(rungs, func(r *rung) bool { return r.Data == spec.Data && r.Net == spec.Net && r.Train == spec.Train })
		if i < 0 {
			i = len(rungs)
			rungs = append(rungs, &rung{Rung: NewRung(spec.Data, spec.Net, spec.Train), places: map[string]int{}, seen: map[string]bool{}})
		}
		r := rungs[i]
		k, ok := r.places[v.Cell]
		if !ok {
			k = len(r.standings)
			r.places[v.Cell], r.standings = k, append(r.standings, Standing{Candidate: candidate(v, baselines)})
		}
		s := &r.standings[k]
		key := fmt.Sprint(v.Cell, v.Retrain.Seed)
		if r.seen[key] || v.State == nas.Stopped {
			continue
		}
		r.seen[key] = true
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
		r.standings = slices.DeleteFunc(r.standings, func(s Standing) bool { return len(s.Trials) == 0 }) // stopped, every one
		if len(r.standings) > 0 {
			out = append(out, compare(r.Rung, r.standings))
		}
	}
	distinguish(out)
	return out
}

// SameTraining says that two retrains of a cell give the same weights.
func SameTraining(a, b nas.RetrainSpec) bool { return a.Seed == b.Seed && scaleOf(a) == scaleOf(b) }

// scaleOf is what trainings on a rung have in common, with its defaults.
func scaleOf(s nas.RetrainSpec) nas.RetrainSpec {
	s.Seed, s.Data.Dir = 0, ""
	if s.Train.Shards == 0 {
		s.Train.Shards = child.DefaultShards(s.Train.Batch)
	}
	s.Net, s.Train = s.Net.WithDefaults(), s.Train.WithDefaults()
	return s
}

// candidate is the cell of a retrain with the reward that the search gave it, or the baseline that it is.
func candidate(v nas.TrialView, baselines map[string]Candidate) Candidate {
	c := Candidate{Name: "cell " + v.Cell[:min(4, len(v.Cell))], Genotype: v.Genotype, Text: v.Genotype.Text()}
	if v.Found != nil {
		c.Name, c.Reward = "trial "+nas.TrialLabel(v.Found.Trial), v.Found.Reward
		return c
	}
	c.Baseline = "no reward in the search"
	if b, ok := baselines[v.Cell]; ok {
		c.Name, c.Baseline = b.Name, b.Baseline
	}
	return c
}

// distinguish makes the names of rungs differ that differ in what a name does not say.
func distinguish(results []Result) {
	count := map[string]int{}
	for _, r := range results {
		count[r.Rung.Name]++
	}
	for i := range results {
		if r := &results[i].Rung; count[r.Name] > 1 {
			t := r.Train
			r.Name += fmt.Sprintf(", %s lr %g %s, batch %d, drop path %s %g, %d images", t.Optimizer, t.LR, t.Schedule, t.Batch, t.DropPath.Mode, t.DropPath.Prob, r.Data.TrainImages)
		}
	}
}
