package onnx_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nasnet/dataset"
	"nasnet/nas/child"
	"nasnet/nas/onnx"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// runtimeFor returns how to start ONNX Runtime, or skips the test.
func runtimeFor(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("needs Node to run ONNX Runtime: ", err)
	}
	if out, err := exec.Command(node, "-e", "require.resolve('onnxruntime-node')").CombinedOutput(); err != nil {
		t.Skipf("needs the npm package onnxruntime-node in NODE_PATH (.ci/run installs it): %v\n%s", err, out)
	}
	return node
}

// trained trains a network until its moving statistics fit, and reads it back.
func trained(t *testing.T, g space.Genotype, net child.NetConfig) *child.Model {
	t.Helper()
	d, err := dataset.Synthetic(dataset.SyntheticConfig{Classes: net.Classes, Train: 160, Test: 8, Image: net.Image,
		Channels: net.Channels, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	views := child.Data{Train: d.TrainView(), Val: d.TestView(), ClassNames: d.Info.Classes}
	tr, err := child.NewTrainer(g, net, child.TrainConfig{Epochs: 3, Batch: 8, LR: 0.05, Momentum: 0.9}, views, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tr.Save(&b); err != nil {
		t.Fatal(err)
	}
	m, err := child.Load(&b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// network is a test case: a genotype and the scale of its network.
type network struct {
	name     string
	genotype space.Genotype
	net      child.NetConfig
}

// networks are NASNet-A in both stacks, a cell that outputs its inputs, and random cells until both kinds of cell have
// had each op and each combine; sides are even and odd. The random ones use the eps of ImageNet networks: with 1e-5, a
// channel that hardly varies can make logits of hundreds, whose rounding alone is 3e-4.
func networks(t *testing.T) []network {
	t.Helper()
	known := func(name string) space.Genotype {
		k, err := space.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		return k.Genotype
	}
	list := []network{
		{"cifar", known("nasnet-a"), child.NetConfig{N: 1, Filters: 8, Image: 16, Channels: 3, Classes: 10, Aux: true}},
		{"imagenet", known("nasnet-a"), child.NetConfig{Stack: "imagenet", N: 1, Filters: 8, Image: 39, Channels: 3,
			Classes: 7, BNDecay: 0.9}},
		{"inputs-out", known("amoebanet-c"), child.NetConfig{N: 1, Filters: 5, Image: 9, Channels: 1, Classes: 4}},
	}
	sp, err := space.New("seed-14", 5)
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{}
	for _, kind := range []string{"normal", "reduction"} {
		for _, op := range space.Ops {
			missing[kind+" "+op.Name] = true
		}
		missing[kind+" "+space.Add], missing[kind+" "+space.Concat] = true, true
	}
	for i := uint64(0); len(missing) > 0; i++ {
		g, err := sp.Decode(sp.Random(rng.Stream(7, "onnx", i)))
		if err != nil {
			t.Fatal(err)
		}
		before := len(missing)
		for _, kind := range []string{"normal", "reduction"} {
			c, _ := g.Cell(kind)
			for _, b := range c.Blocks {
				delete(missing, kind+" "+b.Op1)
				delete(missing, kind+" "+b.Op2)
				delete(missing, kind+" "+b.Combine)
			}
		}
		if len(missing) < before {
			list = append(list, network{fmt.Sprintf("random-%d", i), g,
				child.NetConfig{N: 1, Filters: 8, Image: 12 + len(list)%4, Channels: 3, Classes: 10, BNEps: 1e-3}})
		}
	}
	return list
}

func TestTheLogitsOfAnotherRuntimeAreEqual(t *testing.T) {
	const images, most = 32, 1e-4
	node := runtimeFor(t)
	dir := t.TempDir()
	want := map[string][]float32{}
	for _, c := range networks(t) {
		m := trained(t, c.genotype, c.net)
		d, err := dataset.Synthetic(dataset.SyntheticConfig{Classes: 2, Train: 2, Test: images, Image: m.Net.Image,
			Channels: m.Net.Channels, Seed: 2})
		if err != nil {
			t.Fatal(err)
		}
		logits, err := m.Logits(d.Test.Pixels)
		if err != nil {
			t.Fatal(err)
		}
		for name, o := range map[string]onnx.Options{"": {}, "-folded": {Fold: true}, "-pixels": {Pixels: true}} {
			name = c.name + name
			want[name] = logits
			var b bytes.Buffer
			if err := onnx.Write(&b, m, o); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(dir, name+".onnx"), b.Bytes())
			writeFile(t, filepath.Join(dir, name+".images"), channelsFirst(m, d.Test.Pixels, !o.Pixels))
		}
	}
	out, err := exec.Command(node, "testdata/run.cjs", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n := strings.Count(string(out), `"shape":["batch"`); n != 2*len(want) {
		t.Errorf("%d inputs and outputs with a free batch, want %d:\n%s", n, 2*len(want), out)
	}
	worst := 0.0
	for name, logits := range want {
		b, err := os.ReadFile(filepath.Join(dir, name+".logits"))
		if err != nil {
			t.Fatal(err)
		}
		logits = append(slices.Clone(logits), logits[:len(logits)/images]...) // the single image
		if len(b) != 4*len(logits) {
			t.Fatalf("%s: %d bytes of logits, want %d", name, len(b), 4*len(logits))
		}
		off, size := 0.0, 0.0
		for i, v := range logits {
			got := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			off = max(off, math.Abs(float64(got)-float64(v)))
			size = max(size, math.Abs(float64(v)))
			if math.IsNaN(float64(got)) {
				t.Fatalf("%s: logit %d is NaN", name, i)
			}
		}
		t.Logf("%-20s logits to %.3g, differences to %.2g", name, size, off)
		worst = max(worst, off)
		if off > most {
			t.Errorf("%s: logits differ by %.2g, want at most %g", name, off, most)
		}
	}
	t.Logf("%d files, %d images: largest difference of a logit %.2g", len(want), images, worst)
}

// channelsFirst returns the input of the exported model: (n, channels, side, side), normalised or as pixels.
func channelsFirst(m *child.Model, pixels []uint8, normalised bool) []byte {
	ch := m.Net.Channels
	area := m.Net.Image * m.Net.Image
	out := make([]byte, 4*len(pixels))
	for i, p := range pixels {
		n, at, c := i/ch/area, i/ch%area, i%ch
		v := float32(p)
		if normalised {
			v = (v/255 - m.Mean[c]) / m.Std[c]
		}
		binary.LittleEndian.PutUint32(out[4*((n*ch+c)*area+at):], math.Float32bits(v))
	}
	return out
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}
