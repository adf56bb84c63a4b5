package cli

import (
	"github.com/spf13/pflag"

	"nasnet/nas/child"
	"nasnet/nas/setting"
)

// settingFlag is the flag of one setting of a value.
type settingFlag[T any] struct {
	row setting.Row[T]
	of  *T
}

func (f settingFlag[T]) String() string {
	if f.of == nil { // pflag asks a flag of no value for its zero
		return ""
	}
	return f.row.Get(*f.of)
}

func (f settingFlag[T]) Set(text string) error { return f.row.Set(f.of, text) }

func (f settingFlag[T]) Type() string { return f.row.Type() }

// settingFlags adds the flag of each row that is not there yet; what the value has is its default.
func settingFlags[T any](fs *pflag.FlagSet, rows setting.Table[T], of *T) {
	for _, r := range rows {
		if fs.Lookup(r.Name) != nil {
			continue
		}
		f := fs.VarPF(settingFlag[T]{r, of}, r.Name, "", r.Help)
		if r.Type() == "bool" {
			f.NoOptDefVal = "true"
		}
	}
}

// changed gives v those settings for which there was a flag.
func changed[T any](fs *pflag.FlagSet, rows setting.Table[T], v *T, given T) error {
	for _, r := range rows {
		if !fs.Changed(r.Name) {
			continue
		}
		if err := r.Set(v, r.Get(given)); err != nil {
			return usagef("--%s: %w", r.Name, err)
		}
	}
	return nil
}

// changeSetup gives a setup the settings of a use for which there was a flag.
func changeSetup(fs *pflag.FlagSet, use setting.Use, s *child.Setup, given child.Setup) error {
	changeStack(fs, &s.Net, given.Net)
	if err := changed(fs, child.Settings.For(use), s, given); err != nil {
		return err
	}
	completeSetup(fs, s)
	return nil
}

// changeStack puts a network into the stack of the flag, which has its own defaults. It comes before the other flags.
func changeStack(fs *pflag.FlagSet, n *child.NetConfig, given child.NetConfig) {
	if fs.Changed("stack") && given.Stack != n.WithDefaults().Stack {
		*n = n.In(given.Stack)
	}
}

// completeSetup does what flags mean together: --drop-path alone asks for ScheduledDropPath where no paths are dropped.
func completeSetup(fs *pflag.FlagSet, s *child.Setup) {
	skipAsAsked(&s.Net, fs)
	if d := &s.Train.DropPath; fs.Changed("drop-path") && !fs.Changed("drop-path-mode") && d.Prob > 0 && (d.Mode == "" || d.Mode == "none") {
		d.Mode = "linear"
	}
}

// skipAsAsked keeps --skip-reduction=false in networks that have it as the default of their size, as a multiplier of the stem that is given does.
func skipAsAsked(n *child.NetConfig, fs *pflag.FlagSet) {
	if fs.Changed("skip-reduction") && n.StemMultiplier == 0 {
		n.StemMultiplier = n.WithDefaults().StemMultiplier
	}
}

// defaultSetup is what the flags of a use have when none is given.
func defaultSetup(use setting.Use) (s child.Setup) {
	child.Settings.For(use).Defaults(&s)
	return s
}
