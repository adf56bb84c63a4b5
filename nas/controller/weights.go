package controller

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"

	"nasnet/nas/nn"
)

// The state of a policy is a safetensors file: the weights under their names in [network], Adam's moments with m/ and
// v/ before that name, the baseline (F64, one element), and the counters in the metadata. ppo and reinforce share it.
const policyFormat = "nasnet-policy-1"

// State implements Controller. It takes 12 bytes per weight: 1.2 MB for two cells of five blocks with 14 ops.
func (p *policy) State() ([]byte, error) {
	meta := map[string]string{
		"format":       policyFormat,
		"arities":      fmt.Sprint(p.arities),
		"version":      strconv.Itoa(p.version),
		"adam_step":    strconv.Itoa(p.adam.step),
		"baseline_set": strconv.FormatBool(p.base.set),
	}
	ts := []nn.Tensor{{Name: "baseline", DType: "F64", Shape: []int{1}, F64: []float64{p.base.value}}}
	for i, q := range p.net.params {
		for prefix, v := range map[string][]float32{"": q.value, "m/": p.adam.m[i], "v/": p.adam.v[i]} {
			ts = append(ts, nn.F32Tensor(prefix+q.name, v, q.shape...))
		}
	}
	var b bytes.Buffer
	if err := nn.WriteSafetensors(&b, meta, ts); err != nil {
		return nil, fmt.Errorf("controller: state: %w", err)
	}
	return b.Bytes(), nil
}

// Restore implements Controller.
func (p *policy) Restore(state []byte) error {
	s, err := p.parse(state)
	if err != nil {
		return fmt.Errorf("controller: state: %w", err)
	}
	p.rollback(s)
	return nil
}

// parse reads a state and checks every size against this controller's.
func (p *policy) parse(state []byte) (*policyState, error) {
	meta, ts, err := nn.ReadSafetensors(bytes.NewReader(state), maxState)
	if err != nil {
		return nil, err
	}
	if meta["format"] != policyFormat {
		return nil, fmt.Errorf("format is %q; want %q: of another strategy?", meta["format"], policyFormat)
	}
	if want := fmt.Sprint(p.arities); meta["arities"] != want {
		return nil, fmt.Errorf("arities are %s; want %s: of another space?", meta["arities"], want)
	}
	s := &policyState{}
	for _, f := range []struct {
		key string
		to  *int
	}{{"version", &s.version}, {"adam_step", &s.step}} {
		if *f.to, err = strconv.Atoi(meta[f.key]); err != nil || *f.to < 0 {
			return nil, fmt.Errorf("%s is %q; want a count", f.key, meta[f.key])
		}
	}
	if s.base.set, err = strconv.ParseBool(meta["baseline_set"]); err != nil {
		return nil, fmt.Errorf("baseline_set is %q; want true or false", meta["baseline_set"])
	}
	byName := make(map[string]nn.Tensor, len(ts))
	for _, t := range ts {
		byName[t.Name] = t
	}
	if want := 3*len(p.net.params) + 1; len(byName) != want {
		return nil, fmt.Errorf("%d tensors; want %d", len(byName), want)
	}
	base := byName["baseline"]
	if base.DType != "F64" || len(base.F64) != 1 || !finite(base.F64[0]) {
		return nil, fmt.Errorf("no finite baseline")
	}
	s.base.value = base.F64[0]
	for _, q := range p.net.params {
		for _, f := range []struct {
			prefix string
			to     *[][]float32
		}{{"", &s.w}, {"m/", &s.m}, {"v/", &s.v}} {
			t, ok := byName[f.prefix+q.name]
			if !ok {
				return nil, fmt.Errorf("tensor %q is missing", f.prefix+q.name)
			}
			if t.DType != "F32" || !slices.Equal(t.Shape, q.shape) {
				return nil, fmt.Errorf("tensor %q is %s %v; want F32 %v (hidden %d, embedding %d)", t.Name, t.DType,
					t.Shape, q.shape, p.net.hidden, p.net.embedding)
			}
			for i, x := range t.F32 {
				if !finite(float64(x)) || f.prefix == "v/" && (x < 0 || math.Signbit(float64(x))) {
					return nil, fmt.Errorf("tensor %q has %v at place %d", t.Name, x, i)
				}
			}
			*f.to = append(*f.to, t.F32)
		}
	}
	return s, nil
}
