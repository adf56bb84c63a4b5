package nas

import (
	"cmp"
	"fmt"
	"slices"

	"nasnet/checkpoints"
	"nasnet/nas/space"
)

// Ranked is a cell with the reward that a search gave it.
type Ranked struct {
	Trial    int
	Kind     Kind
	Star     bool
	Genotype space.Genotype
	Reward   float64
}

// ReadRanking returns the different cells of the run in dir, live or not, the highest reward first; of equal rewards the earlier trial. Cells whose reward
// comes from another run's settings are not in it.
func ReadRanking(dir string) (ranked []Ranked, c Config, err error) {
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		return nil, c, err
	}
	defer st.Close()
	rec, err := st.Run()
	if err != nil {
		return nil, c, err
	}
	if c, err = ParseConfig(rec.Config); err != nil {
		return nil, c, err
	}
	rows, err := st.Trials()
	if err != nil {
		return nil, c, err
	}
	best := map[string]int{} // place in rows by cell
	for i, r := range rows {
		if !r.HasReward || kindOf(r) == Retrained || !c.Comparable(r.ID) {
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
			return nil, c, fmt.Errorf("run %s: trial %s: %w", dir, TrialLabel(r.ID), err)
		}
		ranked = append(ranked, Ranked{Trial: r.ID, Kind: kindOf(r), Star: r.Star, Genotype: g, Reward: r.Reward})
	}
	slices.SortFunc(ranked, func(a, b Ranked) int { return cmp.Or(cmp.Compare(b.Reward, a.Reward), cmp.Compare(a.Trial, b.Trial)) })
	return ranked, c, nil
}
