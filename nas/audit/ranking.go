package audit

import (
	"cmp"
	"fmt"
	"slices"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/record"
	"nasnet/nas/space"
)

// Ranked is a cell with its reward in a search.
type Ranked struct {
	Trial    int
	Kind     nas.Kind
	Star     bool
	Genotype space.Genotype
	Reward   float64
}

// Ranking returns the different cells of the run in dir, highest reward first; of equal rewards, the earlier trial
// comes first. It omits cells rewarded under another run's settings.
func Ranking(dir string) (ranked []Ranked, c nas.Config, err error) {
	run, err := record.Open(dir)
	if err != nil {
		return nil, c, err
	}
	defer run.Close()
	rows, err := run.Trials()
	if err != nil {
		return nil, c, err
	}
	best := map[string]int{} // index in rows, by cell
	for i, r := range rows {
		if !r.HasReward || record.KindOf(r) == nas.Retrained || !run.Config.Comparable(r.ID) {
			continue
		}
		if k, ok := best[r.CellHash]; !ok || r.Reward > rows[k].Reward {
			best[r.CellHash] = i
		}
	}
	for _, i := range best {
		r := rows[i]
		g, err := space.ParseJSON(r.Genotype)
		if err != nil {
			return nil, c, fmt.Errorf("run %s: trial %s: %w", dir, nas.TrialLabel(r.ID), err)
		}
		ranked = append(ranked, Ranked{Trial: r.ID, Kind: record.KindOf(r), Star: r.Star, Genotype: g,
			Reward: r.Reward})
	}
	slices.SortFunc(ranked, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(b.Reward, a.Reward), cmp.Compare(a.Trial, b.Trial))
	})
	return ranked, run.Config, nil
}

// Verdict judges the run in dir by its store; it is nil if the run has no random cells.
func Verdict(dir string) (*nas.Verdict, error) {
	run, err := record.Open(dir)
	if err != nil {
		return nil, err
	}
	defer run.Close()
	var controller, random []nas.Rewarded
	err = run.Outlines(func(t checkpoints.Trial) error {
		r := nas.Rewarded{Cell: t.CellHash, Reward: t.Reward}
		switch k := record.KindOf(t); {
		case !t.HasReward || t.ID < run.Config.Inherited:
		case k == nas.Random:
			random = append(random, r)
		case k == nas.Sampled:
			controller = append(controller, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return run.Config.Judge(controller, random), nil
}
