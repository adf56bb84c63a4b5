package child_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nasnet/nas/child"
	"nasnet/nas/nn"
	"nasnet/nas/space"
)

// The files were made by testdata/peer_torch.py --vectors (PyTorch 1.13, float64), for NASNet-A and random genotypes.
func TestNetworksEqualPyTorch(t *testing.T) {
	files, err := filepath.Glob("testdata/*.safetensors")
	if err != nil || len(files) < 4 {
		t.Fatalf("files %v, error %v", files, err)
	}
	ops, combines := map[string]bool{}, map[string]bool{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := child.Check(bytes.NewReader(b))
		if err != nil {
			t.Error(file, err)
			continue
		}
		if !(r.LogitsTrainErr <= 1e-4) || !(r.LogitsEvalErr <= 1e-4) || !(r.LossErr <= 1e-4) || !(r.GradErr <= 1e-3) {
			t.Errorf("%s: %+v", file, r)
		}
		if cost, err := child.CostOf(genotypeOf(t, file), child.NetConfig{N: r.N, Filters: r.Filters,
			Image: r.Image}); err != nil || cost.Trainable != int64(r.Params) {
			t.Errorf("%s: %d parameters compared, the network has %d (error %v)", file, r.Params, cost.Trainable, err)
		}
		for _, c := range []space.Cell{genotypeOf(t, file).Normal, genotypeOf(t, file).Reduction} {
			for _, b := range c.Blocks {
				ops[b.Op1], ops[b.Op2], combines[b.Combine] = true, true, true
			}
		}
	}
	if len(ops) != len(space.Ops) || len(combines) != 2 {
		t.Errorf("the files have ops %v and combines %v, want all", ops, combines)
	}
}

func readVectors(t *testing.T, file string) (map[string]string, []nn.Tensor) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	meta, ts, err := nn.ReadSafetensors(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	return meta, ts
}

func genotypeOf(t *testing.T, file string) space.Genotype {
	t.Helper()
	meta, _ := readVectors(t, file)
	g, err := space.ParseJSON([]byte(meta["genotype"]))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// Every change must show, as an error or as the named difference.
func TestCheckSeesEveryDifference(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(meta map[string]string, ts map[string]*nn.Tensor)
		want   string // of the error
		worse  func(child.CheckResult) float64
	}{
		{"a logit by batch statistics", func(_ map[string]string, ts map[string]*nn.Tensor) {
			ts["logits/train"].F32[3] += 0.1
		}, "",
			func(r child.CheckResult) float64 { return r.LogitsTrainErr }},
		{"a logit by moving statistics", func(_ map[string]string, ts map[string]*nn.Tensor) {
			ts["logits/eval"].F32[3] += 0.1
		}, "",
			func(r child.CheckResult) float64 { return r.LogitsEvalErr }},
		{"the loss", func(_ map[string]string, ts map[string]*nn.Tensor) { ts["loss"].F32[0] *= 1.01 }, "",
			func(r child.CheckResult) float64 { return r.LossErr }},
		{"one gradient", func(_ map[string]string, ts map[string]*nn.Tensor) {
			g := ts["grad/cells/1/block0/op1/dw1/w"].F32
			g[5] += 0.01 * largest(g)
		}, "", func(r child.CheckResult) float64 {
			if r.WorstGrad != "cells/1/block0/op1/dw1/w" {
				return 0
			}
			return r.GradErr
		}},
		{"one weight", func(_ map[string]string, ts map[string]*nn.Tensor) {
			ts["param/cells/1/block0/op1/dw1/w"].F32[5] += 0.2
		}, "", child.CheckResult.Worst},
		{"another eps", func(m map[string]string, _ map[string]*nn.Tensor) { m["bn_eps"] = "0.001" }, "",
			child.CheckResult.Worst},
		{"a moving mean", func(_ map[string]string, ts map[string]*nn.Tensor) {
			ts["param/stem/bn/mean"].F32[0] += 0.2
		}, "",
			func(r child.CheckResult) float64 { return r.LogitsEvalErr }},
		{"the first label", func(_ map[string]string, ts map[string]*nn.Tensor) {
			ts["labels"].I32[0] = (ts["labels"].I32[0] + 1) % 10
		}, "",
			func(r child.CheckResult) float64 { return r.LossErr }},
		{"a missing parameter", func(_ map[string]string, ts map[string]*nn.Tensor) { delete(ts, "param/fc/b") },
			"param/fc/b is missing", nil},
		{"a missing gradient", func(_ map[string]string, ts map[string]*nn.Tensor) { delete(ts, "grad/fc/b") },
			"grad/fc/b is missing", nil},
		{"an extra parameter", func(_ map[string]string, ts map[string]*nn.Tensor) { ts["param/x/w"] = ts["loss"] },
			"param/x/w is not a part", nil},
		{"an extra gradient", func(_ map[string]string, ts map[string]*nn.Tensor) { ts["grad/x/w"] = ts["loss"] },
			"1 gradients of parameters", nil},
		{"other filters", func(m map[string]string, _ map[string]*nn.Tensor) { m["filters"] = "8" },
			"want F32 of", nil},
		{"a label out of range", func(_ map[string]string, ts map[string]*nn.Tensor) { ts["labels"].I32[0] = 10 },
			"labels has 10; want 0 to 9", nil},
		{"no genotype", func(m map[string]string, _ map[string]*nn.Tensor) { delete(m, "genotype") }, "genotype", nil},
		{"an unknown stack", func(m map[string]string, _ map[string]*nn.Tensor) { m["stack"] = "x" }, "stack is", nil},
		{"a huge network", func(m map[string]string, _ map[string]*nn.Tensor) { m["n"] = "1000000" },
			"n is 1000000", nil},
	} {
		meta, ts := readVectors(t, "testdata/nasnet-a.safetensors")
		byName := map[string]*nn.Tensor{}
		for i := range ts {
			byName[ts[i].Name] = &ts[i]
		}
		c.change(meta, byName)
		var changed []nn.Tensor
		for name, s := range byName {
			s := *s
			s.Name = name
			changed = append(changed, s)
		}
		var b bytes.Buffer
		if err := nn.WriteSafetensors(&b, meta, changed); err != nil {
			t.Fatal(err)
		}
		r, err := child.Check(&b)
		if c.worse == nil {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want %q", c.name, err, c.want)
			}
			continue
		}
		if err != nil || c.worse(r) < 1e-3 {
			t.Errorf("%s: error %v, result %v", c.name, err, c.worse(r))
		}
	}
}

func largest(v []float32) float32 {
	m := float32(0)
	for _, x := range v {
		m = max(m, x, -x)
	}
	return m
}
