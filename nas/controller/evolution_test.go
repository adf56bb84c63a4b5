package controller_test

import (
	"testing"

	"nasnet/nas/controller"
	"nasnet/nas/rng"
)

func TestEvolutionChangesOneDecisionOfTheBestOfATournament(t *testing.T) {
	space := []int{3, 1, 2, 5}
	c, err := controller.New(space, controller.Config{Strategy: "evolution", Population: 4, Sample: 4})
	if err != nil {
		t.Fatal(err)
	}
	// Sample = Population, with replacement: the best of four is the parent in 1-(3/4)^4 = 68 % of draws.
	var batch []controller.Sample
	for i, choices := range [][]int{{0, 0, 0, 0}, {2, 0, 1, 4}, {0, 0, 0, 0}, {0, 0, 0, 0}} {
		batch = append(batch, controller.Sample{Choices: choices, LogP: make([]float64, 4), Reward: float64(i % 2 * 2)})
	}
	batch[3].Reward = 0
	update(t, c, batch)
	ofBest := 0
	changed := make([]int, len(space))
	const n = 2000
	for i := range n {
		p := c.Propose(rng.Stream(2, "propose", uint64(i))).Choices
		fromBest, fromOther := 0, 0
		for d, best := range batch[1].Choices {
			if p[d] != best {
				fromBest++
			}
			if p[d] != 0 {
				fromOther++
			}
		}
		if fromBest != 1 && fromOther != 1 {
			t.Fatalf("proposal %v is not a child: it differs at %d and %d decisions from the two kinds of parent", p,
				fromBest, fromOther)
		}
		if fromBest == 1 {
			ofBest++
			for d, best := range batch[1].Choices {
				if p[d] != best {
					changed[d]++
				}
			}
		}
	}
	if share := float64(ofBest) / n; share < 0.64 || share > 0.73 {
		t.Errorf("%.2f of the children have the best parent; want 0.68", share)
	}
	for d, a := range space {
		if share := float64(changed[d]) / float64(ofBest); a > 1 && (share < 0.28 || share > 0.39) ||
			a == 1 && share > 0 {
			t.Errorf("decision %d of arity %d changed in %.2f of the children; want a third", d, a, share)
		}
	}
}

func TestEvolutionForgetsTheOldestHoweverGood(t *testing.T) {
	space := []int{2, 2, 2, 2, 2, 2}
	c, err := controller.New(space, controller.Config{Strategy: "evolution", Population: 3, Sample: 3})
	if err != nil {
		t.Fatal(err)
	}
	one := func(v int, reward float64) controller.Sample {
		s := controller.Sample{Choices: make([]int, len(space)), LogP: make([]float64, len(space)), Reward: reward}
		for d := range s.Choices {
			s.Choices[d] = v
		}
		return s
	}
	update(t, c, []controller.Sample{one(1, 100)})
	update(t, c, []controller.Sample{one(0, 1), one(0, 2), one(0, 3)})
	for i := range 200 {
		sum := 0
		for _, v := range c.Propose(rng.Stream(2, "propose", uint64(i))).Choices {
			sum += v
		}
		if sum != 1 {
			t.Fatalf("a child of a dead parent: %d decisions are 1", sum)
		}
	}
}
