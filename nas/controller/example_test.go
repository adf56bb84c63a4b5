package controller_test

import (
	"fmt"

	"nasnet/nas/controller"
	"nasnet/nas/rng"
)

// The smallest search: the reward is the sum of the choices.
func Example() {
	c, err := controller.New([]int{4, 4, 4, 4, 4, 4},
		controller.Config{Strategy: "evolution", Population: 40, Sample: 10})
	if err != nil {
		fmt.Println(err)
		return
	}
	for batch := range 10 {
		var samples []controller.Sample
		for i := range 20 {
			p := c.Propose(rng.Stream(1, "propose", uint64(20*batch+i)))
			s := controller.Sample{Choices: p.Choices, LogP: p.LogP}
			for _, k := range p.Choices {
				s.Reward += float64(k)
			}
			samples = append(samples, s)
		}
		st, err := c.Update(samples)
		if err != nil {
			fmt.Println(err)
			return
		}
		if batch%3 == 0 {
			fmt.Printf("batch %d: mean %.1f, best %.0f\n", batch, st.MeanReward, st.MaxReward)
		}
	}
	// Output:
	// batch 0: mean 8.7, best 13
	// batch 3: mean 13.5, best 16
	// batch 6: mean 14.2, best 18
	// batch 9: mean 15.6, best 17
}
