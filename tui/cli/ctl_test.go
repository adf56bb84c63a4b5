package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"nasnet/nas"
)

// What a flag asks for is sent, also where it is the zero value, or refused.
func TestAZeroOfAForkIsNoDefault(t *testing.T) {
	fork := ctlActions[slices.IndexFunc(ctlActions, func(x ctlAction) bool { return x.do == nas.Fork })]
	for _, r := range []struct {
		flags   []string
		entropy float64
		err     string
	}{
		{nil, 0, ""}, // as the parent has it
		{[]string{"--entropy", "0.01"}, 0.01, ""},
		{[]string{"--entropy", "0"}, -1, ""}, // none
		{[]string{"--children", "0"}, 0, "--children is 0; want more"},
		{[]string{"--controller-lr", "0"}, 0, "--controller-lr is 0; want more"},
		{[]string{"--controller-steps", "0"}, 0, "--controller-steps is 0; want more"},
	} {
		var f ctlFlags
		fs := pflag.NewFlagSet("ctl", pflag.ContinueOnError)
		f.registerSettings(fs)
		if err := fs.Parse(r.flags); err != nil {
			t.Fatal(err)
		}
		c, err := new(app).command("", fork, fs, &f, nil)
		if r.err != "" {
			if err == nil || !strings.Contains(err.Error(), r.err) {
				t.Errorf("%v: %v; want %q", r.flags, err, r.err)
			}
			continue
		}
		if err != nil || c.Fork.Entropy != r.entropy {
			t.Errorf("%v: entropy %v, %v; want %v", r.flags, c.Fork.Entropy, err, r.entropy)
		}
		var own nas.Config
		if err := f.apply(fs, &own); err != nil || own.Controller.Entropy != r.entropy {
			t.Errorf("nasnet fork %v: entropy %v, %v; want %v", r.flags, own.Controller.Entropy, err, r.entropy)
		}
	}
}
