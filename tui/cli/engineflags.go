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

// engineFlags are how a search is run. They never change what it finds, but for children that need more memory or time
// than there is.
type engineFlags struct {
	memory   string
	patience time.Duration
}

func (f *engineFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.memory, "memory", "", "what the children in training may take together, like 2G; others wait (0: "+
		"no limit; default: three quarters of what the machine or its control group has)")
	fs.DurationVar(&f.patience, "patience", 10*time.Minute, "end a child that makes no step for so long (0: never)")
}

// apply puts the flags into options and returns what the children may take together; nil: no limit.
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
	// Near the end of the machine's memory, collect more often rather than be killed. GOMEMLIMIT is the user's word.
	if all := local.MachineMemory(); all > 0 && debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(all / 10 * 9)
	}
	return local.NewMemory(limit), nil
}
