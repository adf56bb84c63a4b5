package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"nasnet/nas/child"
	"nasnet/nas/setting"
)

// settingFlag is the flag of one setting. It checks the text and keeps it until [give] sets the setting.
type settingFlag struct {
	text, kind string
	check      func(text string) error
	choices    func() []string // nil: any
}

func (f *settingFlag) String() string { return f.text }
func (f *settingFlag) Type() string   { return f.kind }

func (f *settingFlag) Set(text string) error {
	f.text = text
	return f.check(text)
}

// settingFlags adds the missing flags of the rows. It shows the values of v as defaults, except zeros.
func settingFlags[T any](fs *pflag.FlagSet, rows setting.Table[T], v T) {
	var zero T
	for _, r := range rows {
		if fs.Lookup(r.Name) != nil {
			continue
		}
		f := &settingFlag{kind: r.Type(), check: func(text string) error { to := v; return r.Set(&to, text) },
			choices: r.Choices}
		if r.Choices != nil && r.None != "" {
			f.choices = func() []string { return append(slices.Clone(r.Choices()), r.None) }
		}
		if text := r.Get(v); text != r.Get(zero) {
			f.text = text
		}
		flag := fs.VarPF(f, r.Name, "", r.Help)
		if r.Type() == "bool" {
			flag.NoOptDefVal = "true"
		}
	}
}

// give sets the settings of v that have a flag on the command line.
func give[T any](fs *pflag.FlagSet, rows setting.Table[T], v *T) error {
	texts := map[string]string{}
	for _, r := range rows {
		if fs.Changed(r.Name) {
			texts[r.Name] = fs.Lookup(r.Name).Value.String()
		}
	}
	if err := rows.Give(v, texts); err != nil {
		return usageError{fmt.Errorf("--%w", err)}
	}
	return nil
}

// defaultSetup returns the defaults of the settings with this use.
func defaultSetup(use setting.Use) (s child.Setup) {
	child.Settings.For(use).Defaults(&s)
	return s
}
