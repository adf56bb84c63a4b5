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
	memory   memoryFlag
	patience time.Duration
}

func (f *engineFlags) register(fs *pflag.FlagSet) {
	f.memory.register(fs, "memory for all running children together; the others wait")
	fs.DurationVar(&f.patience, "patience", 10*time.Minute, "stop a child that makes no step for this long (0: never)")
}

// apply sets the options and returns the memory for the children; nil means no limit.
func (f *engineFlags) apply(o *search.Options) (m *local.Memory, err error) {
	limit, err := f.memory.limit()
	if err != nil {
		return nil, err
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

// memoryFlag is the value of --memory.
type memoryFlag string

func (m *memoryFlag) register(fs *pflag.FlagSet, usage string) {
	fs.StringVar((*string)(m), "memory", "", usage+", such as 2G (0: no limit; default: three quarters of what the "+
		"machine or its control group has)")
}

// limit returns the memory that work may use, in bytes; 0 means no limit.
func (m memoryFlag) limit() (int64, error) {
	if m == "" {
		return local.DefaultMemory(), nil
	}
	n, err := nas.ParseBytes(string(m))
	if err != nil {
		return 0, usagef("--memory %s: %w", m, err)
	}
	return n, nil
}

// fits returns an error if work needs more than that.
func (m memoryFlag) fits(work string, bytes int64) error {
	limit, err := m.limit()
	if err != nil {
		return err
	}
	if err := local.Fit(work, bytes, limit); err != nil {
		return hinted{err, "a smaller --batch, --filters or --image needs less; --memory allows more"}
	}
	return nil
}
