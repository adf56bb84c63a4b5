package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/record"
	"nasnet/nas/setting"
	"nasnet/nas/space"
)

// scaleHelp says which network cell stats and cell latency use.
const scaleHelp = `A model or RUN/TRIAL brings its own network, which flags change. For any other
CELL, the flags and their defaults describe the network.`

// ownNet returns a network and where it comes from.
type ownNet func() (net child.NetConfig, of string, err error)

// scaleFor finds a cell and its network: the cell's own, changed by flags, or the one the flags describe. of says where
// the network comes from.
func scaleFor(a *app, fs *pflag.FlagSet, spec string) (g space.Genotype, net child.NetConfig, of string, err error) {
	g, own, err := findCell(a, spec)
	if err != nil {
		return g, net, "", err
	}
	if own == nil {
		net, err = flagNet(fs)
		of = "from the flags and their defaults"
	} else if net, of, err = changeNet(fs, own); err != nil {
		err = fmt.Errorf("%s: %w", spec, err)
	}
	if err != nil {
		return g, net, "", err
	}
	if err := net.Validate(); err != nil {
		return g, net, "", usageError{err}
	}
	return g, net.WithDefaults(), of, nil
}

// networkSettings returns the settings of commands that build a network but do not train it.
func networkSettings() setting.Table[child.Setup] {
	return child.Settings.For(setting.Network | setting.Images)
}

// networkFlags adds their flags.
func networkFlags(fs *pflag.FlagSet) {
	settingFlags(fs, networkSettings(), defaultSetup(setting.Network|setting.Images))
}

// flagNet returns the network that these flags and their defaults describe.
func flagNet(fs *pflag.FlagSet) (child.NetConfig, error) {
	s := defaultSetup(setting.Network | setting.Images)
	err := give(fs, networkSettings(), &s)
	return s.Net, err
}

// changeNet returns a cell's own network as changed by flags. of says where it comes from, and which flags changed it.
func changeNet(fs *pflag.FlagSet, own ownNet) (net child.NetConfig, of string, err error) {
	var s child.Setup
	if s.Net, of, err = own(); err != nil {
		return net, "", err
	}
	if err := give(fs, networkSettings(), &s); err != nil {
		return net, "", err
	}
	for _, x := range []struct {
		flag string
		v    int
	}{{"image", s.Net.Image}, {"channels", s.Net.Channels}, {"classes", s.Net.Classes}} {
		if x.v == 0 {
			return net, "", usagef("the network %s has no %s until its images are read; want --%s", of, x.flag, x.flag)
		}
	}
	var changed []string
	for _, r := range networkSettings() {
		if fs.Changed(r.Name) {
			changed = append(changed, "--"+r.Name)
		}
	}
	if slices.Sort(changed); len(changed) > 0 {
		of += ", changed by " + strings.Join(changed, ", ")
	}
	return s.Net, of, nil
}

// trialNet returns the network of a trial: from its weights, from its own settings, or from its run's.
func trialNet(a *app, spec, dir string, t checkpoints.Trial) (net child.NetConfig, of string, err error) {
	retrain := fmt.Sprintf("of retrain %s of run %s", nas.TrialLabel(t.ID), filepath.Base(dir))
	var r nas.RetrainSpec
	switch {
	case t.WeightsSHA256 != "":
		m, err := loadModel(a, spec)
		if err != nil {
			return net, "", err
		}
		return m.Net, retrain, nil
	case len(t.Spec) > 0:
		of = retrain
		if err := json.Unmarshal(t.Spec, &r); err != nil {
			return net, "", fmt.Errorf("settings: %w", err)
		}
	default:
		c, _, err := record.ReadConfig(dir)
		if err != nil {
			return net, "", err
		}
		of = "of the children of run " + filepath.Base(dir)
		r.Net, r.Data.Name, r.Data.Image = c.Net, c.Data, c.Net.Image
	}
	r, _ = r.Unread()
	return r.Net, of, nil
}

// scaleText describes a network.
func scaleText(n child.NetConfig) string {
	s := fmt.Sprintf("stack %s, N=%d F=%d, images %dx%dx%d, %d classes, stem multiplier %g", n.Stack, n.N, n.Filters,
		n.Image, n.Image, n.Channels, n.Classes, n.StemMultiplier)
	if n.SkipReduction {
		s += ", inputs of reductions skipped"
	}
	return s
}
