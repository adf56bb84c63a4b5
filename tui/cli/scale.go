package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/record"
	"nasnet/nas/space"
)

// scaleHelp is what cell stats and cell latency look at.
const scaleHelp = "Where CELL is a model or RUN/TRIAL, the network is its own, which flags change; otherwise it is what the flags and their defaults say."

// ownNet tells a network, and whose it is.
type ownNet func() (net child.NetConfig, of string, err error)

// scale finds a cell, and makes net, which has the flags' values, the network that is meant: the cell's own, where it has one, with what flags change.
// of says whose network it is.
func scaleFor(a *app, flags *pflag.FlagSet, spec string, net *child.NetConfig) (g space.Genotype, of string, err error) {
	g, own, err := findCell(a, spec)
	if err != nil {
		return g, "", err
	}
	of = "as the flags and their defaults say"
	if own != nil {
		if of, err = changeNet(flags, net, own); err != nil {
			return g, "", fmt.Errorf("%s: %w", spec, err)
		}
	}
	skipAsAsked(net, flags)
	if err := net.Validate(); err != nil {
		return g, "", usageError{err}
	}
	*net = net.WithDefaults()
	return g, of, nil
}

// changeNet puts a cell's own network into net, with what flags give in its place, and says whose it is and which flags those are.
func changeNet(flags *pflag.FlagSet, net *child.NetConfig, own ownNet) (of string, err error) {
	n, of, err := own()
	if err != nil {
		return "", err
	}
	known := pflag.NewFlagSet("network", pflag.ContinueOnError)
	netFlags(known, new(child.NetConfig))
	imageFlags(known, new(child.NetConfig))
	values := map[*pflag.Flag]string{}
	var changed []string
	flags.Visit(func(f *pflag.Flag) {
		if known.Lookup(f.Name) != nil {
			values[f] = f.Value.String()
			changed = append(changed, "--"+f.Name)
		}
	})
	if flags.Changed("stack") && net.Stack != n.WithDefaults().Stack { // with its own defaults
		n = child.NetConfig{N: n.N, Filters: n.Filters, Image: n.Image, Channels: n.Channels, Classes: n.Classes}
	}
	*net = n
	for f, v := range values {
		if err := f.Value.Set(v); err != nil {
			return "", usageError{err}
		}
	}
	for _, x := range []struct {
		flag string
		v    int
	}{{"image", net.Image}, {"channels", net.Channels}, {"classes", net.Classes}} {
		if x.v == 0 {
			return "", usagef("the network %s has no %s before its images are read; want --%s", of, x.flag, x.flag)
		}
	}
	if len(changed) > 0 {
		of += ", changed by " + strings.Join(changed, ", ")
	}
	return of, nil
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
	s := fmt.Sprintf("stack %s, N=%d F=%d, images %dx%dx%d, %d classes, stem multiplier %g", n.Stack, n.N, n.Filters, n.Image, n.Image, n.Channels, n.Classes, n.StemMultiplier)
	if n.SkipReduction {
		s += ", inputs of reductions skipped"
	}
	return s
}
