package cli

import (
	"math"
	"runtime/debug"
	"time"

	"github.com/spf13/pflag"

	"nasnet/nas"
	"nasnet/nas/local"
	"nasnet/nas/search"
)

// engineFlags say how a search runs. They never change its results, except that children which need too much memory or
// time fail.
type engineFlags struct {
	memory   string
	patience time.Duration
}

func (f *engineFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.memory, "memory", "", "memory for all running children, such as 2G; the others wait (0: no limit; "+
		"default: three quarters of what the machine or its control group has)")
	fs.DurationVar(&f.patience, "patience", 10*time.Minute, "stop a child that makes no step for this long (0: never)")
}

// apply sets the options and returns the memory for the children; nil means no limit.
func (f *engineFlags) apply(o *search.Options) (m *local.Memory, err error) {
	limit := local.DefaultMemory()
	if f.memory != "" {
		if limit, err = nas.ParseBytes(f.memory); err != nil {
			return nil, usagef("--memory %s: %w", f.memory, err)
		}
	}
	if o.Patience = f.patience; f.patience <= 0 {
		o.Patience = -1
	}
	// When memory runs short, collect garbage more often instead of being killed. GOMEMLIMIT overrides this.
	if all := local.MachineMemory(); all > 0 && debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(all / 10 * 9)
	}
	return local.NewMemory(limit), nil
}
