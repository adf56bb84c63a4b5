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

// scaleHelp is what cell stats and cell latency look at.
const scaleHelp = "Where CELL is a model or RUN/TRIAL, the network is its own, which flags change; otherwise it is " +
	"what the flags and their defaults say."

// ownNet tells a network, and whose it is.
type ownNet func() (net child.NetConfig, of string, err error)

// scaleFor finds a cell and the network that is meant: the cell's own, where it has one, with what flags change, or
// else what the flags give. of says whose network it is.
func scaleFor(a *app, fs *pflag.FlagSet, spec string) (g space.Genotype, net child.NetConfig, of string, err error) {
	g, own, err := findCell(a, spec)
	if err != nil {
		return g, net, "", err
	}
	if own == nil {
		net, err = flagNet(fs)
		of = "as the flags and their defaults say"
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

// networkSettings are the settings of commands that build a network and train nothing.
func networkSettings() setting.Table[child.Setup] {
	return child.Settings.For(setting.Network | setting.Images)
}

// networkFlags adds the flags of those settings.
func networkFlags(fs *pflag.FlagSet) {
	settingFlags(fs, networkSettings(), defaultSetup(setting.Network|setting.Images))
}

// flagNet is the network that these flags and their defaults say.
func flagNet(fs *pflag.FlagSet) (child.NetConfig, error) {
	s := defaultSetup(setting.Network | setting.Images)
	err := give(fs, networkSettings(), &s)
	return s.Net, err
}

// changeNet is a cell's own network with what flags give in its place. of says whose it is, and which flags those are.
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
			return net, "", usagef("the network %s has no %s before its images are read; want --%s", of, x.flag, x.flag)
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

// trialNet is the network of a trial: that of its weights, or of its settings, or of the children of its run.
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

// scaleText is a network as a person reads it.
func scaleText(n child.NetConfig) string {
	s := fmt.Sprintf("stack %s, N=%d F=%d, images %dx%dx%d, %d classes, stem multiplier %g", n.Stack, n.N, n.Filters,
		n.Image, n.Image, n.Channels, n.Classes, n.StemMultiplier)
	if n.SkipReduction {
		s += ", inputs of reductions skipped"
	}
	return s
}
