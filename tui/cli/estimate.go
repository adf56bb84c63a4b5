package cli

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/local"
	"nasnet/nas/setting"
	"nasnet/nas/space"
)

// planned is trainings that differ in their seeds alone.
type planned struct {
	name, rung string
	genotype   space.Genotype
	net        child.NetConfig
	train      child.TrainConfig
	volume     child.Volume
	trainings  int
}

// otherSettings lists the settings in which a training differs from one that it is compared with.
func otherSettings(s, from child.Setup) []string {
	return child.Settings.For(setting.Train).Differences(s.Plain(), from.Plain())
}

// printOther tells these settings.
func printOther(w io.Writer, others []string, from string) {
	if len(others) > 0 {
		fmt.Fprintf(w, "unlike %s: %s\n", from, strings.Join(others, ", "))
	}
}

// printPlans says what trainings will take here, and all of them together where so many workers have them. The first of
// each scale is measured; the others take as long as their multiply-adds say. others are the settings in which all
// differ from the search.
func printPlans(a *app, ctx context.Context, ps []planned, workers int, others []string) error {
	type scale struct {
		net    child.NetConfig
		train  child.TrainConfig
		volume child.Volume
	}
	measured := map[scale]child.Estimate{}
	mapped := new(child.Buffers)
	limit := local.DefaultMemory()
	total, trainings := 0.0, 0
	for i, p := range ps {
		p.net, p.train = p.net.WithDefaults(), p.train.WithDefaults()
		cost, err := child.CostOf(p.genotype, p.net)
		if err != nil {
			return err
		}
		e := child.Estimate{Cost: cost}
		if e.Bytes, err = child.BytesWith(p.genotype, p.net, p.train, p.volume); err != nil {
			return err
		}
		fits := limit <= 0 || e.Bytes <= limit
		if fits {
			of := scale{p.net, p.train, p.volume}
			m, known := measured[of]
			if !known {
				if m, err = child.Measure(ctx, p.genotype, p.net, p.train, p.volume, 0, mapped); err != nil {
					return err
				}
				measured[of] = m
			}
			e.EpochSeconds = m.EpochSeconds * float64(cost.MAdds) / float64(m.MAdds)
			e.Seconds = e.EpochSeconds * float64(p.train.Epochs)
			total += e.Seconds * float64(p.trainings) /
				float64(max(1, min(workers, runtime.GOMAXPROCS(0)/p.train.Shards)))
		}
		trainings += p.trainings
		if err := a.print(map[string]any{"t": "plan", "name": p.name, "rung": p.rung, "net": p.net, "train": p.train,
			"params": cost.Params, "trainable": cost.Trainable, "madds": cost.MAdds,
			"bytes": e.Bytes, "fits": fits, "epoch_seconds": e.EpochSeconds, "seconds": e.Seconds,
			"trainings": p.trainings}, func(w io.Writer) {
			if i == 0 {
				fmt.Fprintf(w, "%-28s %10s %10s %10s %7s %9s %6s  %s\n", "cell", "parameters", "madds", "memory",
					"epochs", "each", "times", "rung")
			}
			takes := long(e.Seconds)
			if !fits {
				takes = "too large"
			}
			fmt.Fprintf(w, "%-28s %10d %9.1fM %10s %7d %9s %6d  %s\n", p.name, cost.Trainable, float64(cost.MAdds)/1e6,
				nas.FormatBytes(e.Bytes), p.train.Epochs, takes, p.trainings, p.rung)
		}); err != nil {
			return err
		}
	}
	return a.print(map[string]any{"t": "planned", "trainings": trainings, "seconds": total, "workers": workers},
		func(w io.Writer) {
			fmt.Fprintf(w, "%d trainings, about %s together\n", trainings, long(total))
			printOther(w, others, "the search")
		})
}
