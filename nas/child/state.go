package child

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"nasnet/nas/nn"
)

// stateFormat names the layout of a trainer's state, a safetensors file: the network under "param/", the optimizer's
// moments under "moment/", the moving average of the network, if there is one, under "average/"; in the metadata the
// number of epochs done, their results, and the identity of the training.
const stateFormat = "nasnet-trainer/1"

// State returns all that a new Trainer of the same child needs to continue exactly. It exists only between epochs:
// before the first, after the last, and in a report with an EpochEnd.
func (t *Trainer) State() ([]byte, error) {
	if t.within {
		return nil, errors.New("child: state: called in the middle of an epoch; want a call between epochs")
	}
	results, err := json.Marshal(t.results)
	if err != nil {
		return nil, fmt.Errorf("child: state: %w", err)
	}
	identity, err := t.identity()
	if err != nil {
		return nil, fmt.Errorf("child: state: %w", err)
	}
	ts := paramTensors(t.network.g)
	for name, v := range t.opt.State() {
		ts = append(ts, nn.F32Tensor("moment/"+name, v, len(v)))
	}
	meta := map[string]string{"format": stateFormat, "epoch": strconv.Itoa(t.epoch), "results": string(results),
		"child": identity}
	if t.data.SHA256 != "" {
		meta["data"] = t.data.SHA256
	}
	if t.mean != nil {
		ts = append(ts, t.mean.state(meta)...)
	}
	var b bytes.Buffer
	err = nn.WriteSafetensors(&b, meta, ts)
	return b.Bytes(), err
}

// identity returns, as text, everything that decides what the training computes.
func (t *Trainer) identity() (string, error) {
	b, err := json.Marshal(struct {
		Cells  string
		Net    NetConfig
		Train  TrainConfig
		Seed   uint64
		IDs    []uint64
		Images [2]int
		From   string `json:",omitempty"`
	}{t.genotype.Normal.Text() + " / " + t.genotype.Reduction.Text(), t.net, t.train, t.seed, t.ids,
		[2]int{t.data.Train.Len(), t.data.Val.Len()}, t.from})
	return string(b), err
}

// PlannedEpochs returns the total number of epochs planned for the training of a state.
func PlannedEpochs(state []byte) (int, error) {
	meta, _, err := nn.ReadSafetensors(bytes.NewReader(state), int64(len(state))+1)
	if err != nil {
		return 0, fmt.Errorf("child: state: %w", err)
	}
	var of struct{ Train TrainConfig }
	if meta["format"] != stateFormat || json.Unmarshal([]byte(meta["child"]), &of) != nil || of.Train.Epochs < 1 {
		return 0, fmt.Errorf("child: state: no number of epochs found; format is %.40q, want %q",
			meta["format"], stateFormat)
	}
	return of.Train.Epochs, nil
}

// Restore loads a State of the same child: same genotype, configs, seed, ids and images. If it returns an error, the
// trainer is as it was.
func (t *Trainer) Restore(state []byte) error {
	if err := t.restore(state); err != nil {
		return fmt.Errorf("child: restore: %w", err)
	}
	return nil
}

// differences names what differs between two JSON objects, with both values.
func differences(path, was, is string) string {
	var a, b map[string]json.RawMessage
	if json.Unmarshal([]byte(was), &a) != nil || json.Unmarshal([]byte(is), &b) != nil {
		return fmt.Sprintf("%s %.200s, here %.200s", path, cmp.Or(was, "none"), cmp.Or(is, "none"))
	}
	keys := slices.Collect(maps.Keys(b))
	for k := range a {
		if _, ok := b[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var out []string
	for _, k := range keys {
		if string(a[k]) != string(b[k]) {
			out = append(out, differences(strings.TrimPrefix(path+"."+strings.ToLower(k), "."), string(a[k]),
				string(b[k])))
		}
	}
	return strings.Join(out, "; ")
}

func (t *Trainer) restore(state []byte) error {
	meta, ts, err := nn.ReadSafetensors(bytes.NewReader(state), int64(len(state))+1)
	if err != nil {
		return err
	}
	if meta["format"] != stateFormat {
		return fmt.Errorf("format is %.40q; want %q", meta["format"], stateFormat)
	}
	identity, err := t.identity()
	if err != nil {
		return err
	}
	if identity != meta["child"] {
		return fmt.Errorf("the state belongs to another training: %s", differences("", meta["child"], identity))
	}
	if was, is := meta["data"], t.data.SHA256; was != "" && is != "" && was != is {
		return fmt.Errorf("the state was trained on other images: data set with sha256 %.12s…, here "+
			"%.12s…", was, is)
	}
	epoch, err := strconv.Atoi(meta["epoch"])
	if err != nil || epoch < 0 || epoch > t.train.Epochs {
		return fmt.Errorf("epoch is %.40q; want 0 to %d", meta["epoch"], t.train.Epochs)
	}
	var results []EpochResult
	if err := json.Unmarshal([]byte(meta["results"]), &results); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	if len(results) != epoch {
		return fmt.Errorf("results of %d epochs; want %d", len(results), epoch)
	}
	params, moments, averages := map[string]nn.Tensor{}, map[string][]float32{}, map[string][]float32{}
	for _, s := range ts {
		if name, ok := strings.CutPrefix(s.Name, "moment/"); ok {
			moments[name] = s.F32
		} else if name, ok := strings.CutPrefix(s.Name, averagePrefix); ok && t.mean != nil {
			averages[name] = s.F32
		} else {
			params[s.Name] = s
		}
	}
	if err := checkParams(t.network.g, params); err != nil {
		return err
	}
	if t.mean != nil {
		if err := t.mean.check(meta, averages); err != nil {
			return err
		}
	}
	opt, err := newOptimizer(t.train)
	if err != nil {
		return err
	}
	if (len(moments) == 0) != (epoch == 0) {
		return fmt.Errorf("%d moments after %d epochs", len(moments), epoch)
	}
	if err := opt.Restore(t.network.g.Params(), moments); err != nil {
		return err
	}
	setParams(t.network.g, params)
	if t.mean != nil {
		t.mean.restore(meta, averages)
	}
	t.opt, t.epoch, t.results, t.within = opt, epoch, results, false
	return nil
}

// paramTensors returns parameters and moving statistics as "param/NAME", sharing memory.
func paramTensors(g *nn.Graph) []nn.Tensor {
	var ts []nn.Tensor
	for _, p := range g.Params() {
		ts = append(ts, nn.F32Tensor("param/"+p.Name, p.Value, p.Shape...))
	}
	for _, b := range g.Buffers() {
		ts = append(ts, nn.F32Tensor("param/"+b.Name, b.Value, b.Size()))
	}
	return ts
}

// checkParams checks that ts has exactly the tensors of paramTensors, each with its shape. It needs no memory of the
// graph's.
func checkParams(g *nn.Graph, ts map[string]nn.Tensor) error {
	known := map[string]bool{}
	check := func(name string, shape []int) error {
		known[name] = true
		s, ok := ts[name]
		if !ok {
			return fmt.Errorf("%s is missing: weights of another network?", name)
		}
		if s.DType != "F32" || !slices.Equal(s.Shape, shape) {
			return fmt.Errorf("%s is %s of shape %v; want F32 of %v", name, s.DType, s.Shape, shape)
		}
		return checkFinite(s)
	}
	for _, p := range g.Params() {
		if err := check("param/"+p.Name, p.Shape); err != nil {
			return err
		}
	}
	for _, b := range g.Buffers() {
		if err := check("param/"+b.Name, []int{b.Size()}); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ts)) {
		if !known[name] {
			return fmt.Errorf("%s is not a part of the network", name)
		}
	}
	return nil
}

// checkFinite refuses an array with a value that no training can leave behind.
func checkFinite(t nn.Tensor) error {
	for i, v := range t.F32 {
		if notFinite(float64(v)) {
			return fmt.Errorf("%s has %v at place %d: damaged?", t.Name, v, i)
		}
	}
	return nil
}

// setParams copies what checkParams accepted into the graph, which must have its memory.
func setParams(g *nn.Graph, ts map[string]nn.Tensor) {
	for _, p := range g.Params() {
		copy(p.Value, ts["param/"+p.Name].F32)
	}
	for _, b := range g.Buffers() {
		copy(b.Value, ts["param/"+b.Name].F32)
	}
}
