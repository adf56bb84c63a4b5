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

// planned is a set of trainings that differ only in their seeds.
type planned struct {
	name, rung string
	genotype   space.Genotype
	net        child.NetConfig
	train      child.TrainConfig
	volume     child.Volume
	trainings  int
}

// otherSettings lists the settings of s that differ from those of from.
func otherSettings(s, from child.Setup) []string {
	return child.Settings.For(setting.Train).Differences(s.Plain(), from.Plain())
}

// printOther prints these settings, if there are any.
func printOther(w io.Writer, others []string, from string) {
	if len(others) > 0 {
		fmt.Fprintf(w, "unlike %s: %s\n", from, strings.Join(others, ", "))
	}
}

// printPlans prints the time and memory of trainings on this machine, and their total time with this number of workers.
// It measures the first training of each scale and estimates the others by their multiply-adds. others lists the
// settings that differ from the search's.
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
			fmt.Fprintf(w, "%s, about %s in all\n", nas.FormatCount(trainings, "training", "trainings"), long(total))
			printOther(w, others, "the search")
		})
}
