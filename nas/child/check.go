package child

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"nasnet/nas/nn"
	"nasnet/nas/space"
)

// CheckResult says how far a network is from the same network computed by another implementation. For each kind of
// result it has the largest absolute error in a tensor, divided by the largest entry of that tensor or, for gradients
// that would be zero without rounding, by the largest gradient. GradErr is the worst of all gradients. Two good float32
// implementations differ by 1e-6 to 1e-4.
type CheckResult struct {
	Genotype       string  `json:"genotype"`
	N              int     `json:"n"`
	Filters        int     `json:"filters"`
	Image          int     `json:"image"`
	Batch          int     `json:"batch"`
	Params         int     `json:"params"`           // trainable parameters compared
	LogitsTrainErr float64 `json:"logits_train_err"` // with batch statistics
	LogitsEvalErr  float64 `json:"logits_eval_err"`  // with moving statistics
	LossErr        float64 `json:"loss_err"`
	GradErr        float64 `json:"grad_err"`
	WorstGrad      string  `json:"worst_grad"` // the parameter that GradErr is from
	// the float32 error of the program that made the file, as the file states it
	TheirFloat32 string  `json:"their_float32_error"`
	Tensors      []Error `json:"tensors"` // the ten worst gradients
}

// Error is the error of one tensor.
type Error struct {
	Name string  `json:"name"`
	Err  float64 `json:"err"`
}

// Worst returns the largest of the four errors.
func (r CheckResult) Worst() float64 {
	return max(r.LogitsTrainErr, r.LogitsEvalErr, r.LossErr, r.GradErr)
}

// vectors is a file of vectors.
type vectors struct {
	meta     map[string]string
	genotype space.Genotype
	net      NetConfig
	batch    int
	tensors  map[string]nn.Tensor
}

// Check computes the network in a safetensors file of test vectors and compares the results. testdata/peer_torch.py
// --vectors makes such files with PyTorch; so can any other implementation. Tensors (F32, images as NHWC): "input" (n,
// image, image, channels); "labels" (n), I32; "param/NAME", including the moving statistics, and "grad/NAME";
// "logits/train", with batch statistics; "loss" (1), their mean cross entropy; "logits/eval", with the moving
// statistics as stored. NAME is the place in the network and ends in w, b, gamma, beta, mean or var; convolutions are
// (kh, kw, in, out), depthwise ones (kh, kw, 1, channels), the classifier (in, out). Metadata: "genotype" (JSON), "n",
// "filters", "classes", "image", "bn_eps" and "stack"; "float32_error" is only shown.
//
// Activations and maxima have kinks. If a value is within rounding of one, two correct implementations differ by
// several percent in many gradients, but hardly in logits and loss. Make files that avoid this: the program in testdata
// tries seeds until its own float32 agrees with its float64.
//
// The file must have every parameter and nothing else. A difference is not an error: see [CheckResult.Worst].
func Check(r io.Reader) (out CheckResult, err error) {
	defer recoverPanic(&err)
	v, err := readVectors(r)
	if err != nil {
		return out, err
	}
	if err := plausible(len(v.tensors), v.net); err != nil {
		return out, err
	}
	n, err := build(v.genotype, v.net, buildOptions{batch: v.batch, train: true})
	if err != nil {
		return out, err
	}
	params := map[string]nn.Tensor{}
	for name, s := range v.tensors {
		if strings.HasPrefix(name, "param/") {
			params[name] = s
		}
	}
	if err := checkParams(n.g, params); err != nil {
		return out, err
	}
	out = CheckResult{Genotype: nameOf(v.genotype), N: v.net.N, Filters: v.net.Filters, Image: v.net.Image,
		Batch: v.batch, Params: n.params,
		TheirFloat32: v.meta["float32_error"]}
	p, err := n.g.Plan(n.loss, n.logits)
	if err != nil {
		return out, err
	}
	if err := affordable(p); err != nil {
		return out, err
	}
	p.Alloc()
	setParams(n.g, params)
	copy(p.Value(n.input), v.tensors["input"].F32)
	copy(p.Labels(n.labels), v.tensors["labels"].I32)

	p.Forward(false) // first, because Train changes the moving statistics
	if out.LogitsEvalErr, err = v.compare("logits/eval", p.Value(n.logits)); err != nil {
		return out, err
	}
	p.Train()
	if out.LogitsTrainErr, err = v.compare("logits/train", p.Value(n.logits)); err != nil {
		return out, err
	}
	if out.LossErr, err = v.compare("loss", []float32{float32(p.Loss())}); err != nil {
		return out, err
	}
	grads, top := 0, v.largestGrad()
	for _, q := range n.g.Params() {
		e, err := v.compareTo("grad/"+q.Name, q.Grad, top)
		if err != nil {
			return out, err
		}
		grads++
		out.Tensors = append(out.Tensors, Error{q.Name, e})
	}
	for name := range v.tensors {
		if strings.HasPrefix(name, "grad/") {
			grads--
		}
	}
	if grads != 0 {
		return out, fmt.Errorf("%d gradients of parameters that the network does not have", -grads)
	}
	sort.SliceStable(out.Tensors, func(i, j int) bool { return worse(out.Tensors[i].Err, out.Tensors[j].Err) })
	out.GradErr, out.WorstGrad = out.Tensors[0].Err, out.Tensors[0].Name
	out.Tensors = out.Tensors[:min(10, len(out.Tensors))]
	return out, nil
}

// worse orders errors; NaN is the worst.
func worse(a, b float64) bool { return a > b || math.IsNaN(a) && !math.IsNaN(b) }

// negligible is the fraction of the largest gradient below which a gradient as a whole counts as zero. The gradient of
// a shift that a later batch normalisation removes is zero except for rounding; other gradients are above 1e-8 of the
// largest.
const negligible = 1e-9

func (v *vectors) largestGrad() float64 {
	top := 0.0
	for name, t := range v.tensors {
		if strings.HasPrefix(name, "grad/") {
			for _, x := range t.F32 {
				top = max(top, math.Abs(float64(x)))
			}
		}
	}
	return top
}

// compare returns the largest difference relative to the largest entry of the tensor in the file.
func (v *vectors) compare(name string, got []float32) (float64, error) {
	return v.compareTo(name, got, 0)
}

// compareTo is compare, except that errors are relative to top where the tensor's largest entry is negligible beside
// it.
func (v *vectors) compareTo(name string, got []float32, top float64) (float64, error) {
	t, ok := v.tensors[name]
	if !ok {
		return 0, fmt.Errorf("%s is missing", name)
	}
	if t.DType != "F32" || len(t.F32) != len(got) {
		return 0, fmt.Errorf("%s is %s of shape %v; want F32 of %d elements", name, t.DType, t.Shape, len(got))
	}
	diff, largest := 0.0, 0.0
	for i, want := range t.F32 {
		d := math.Abs(float64(got[i]) - float64(want))
		if math.IsNaN(d) {
			return math.NaN(), nil
		}
		diff, largest = max(diff, d), max(largest, math.Abs(float64(want)))
	}
	if largest <= negligible*top {
		largest = top
	}
	if largest == 0 {
		return diff, nil
	}
	return diff / largest, nil
}

func readVectors(r io.Reader) (*vectors, error) {
	meta, ts, err := nn.ReadSafetensors(r, 1<<30)
	if err != nil {
		return nil, err
	}
	v := &vectors{meta: meta, tensors: map[string]nn.Tensor{}}
	for _, t := range ts {
		v.tensors[t.Name] = t
	}
	if v.genotype, err = parseGenotype(meta["genotype"]); err != nil {
		return nil, err
	}
	v.net.Stack = meta["stack"]
	for key, field := range map[string]*int{"n": &v.net.N, "filters": &v.net.Filters, "classes": &v.net.Classes,
		"image": &v.net.Image} {
		if *field, err = strconv.Atoi(meta[key]); err != nil || *field < 1 {
			return nil, fmt.Errorf("metadata %s is %.40q; want a number of 1 or more", key, meta[key])
		}
	}
	if s := meta["bn_eps"]; s != "" {
		if v.net.BNEps, err = strconv.ParseFloat(s, 64); err != nil {
			return nil, fmt.Errorf("metadata bn_eps is %.40q; want a number", s)
		}
	}
	x, y := v.tensors["input"], v.tensors["labels"]
	if x.DType != "F32" || len(x.Shape) != 4 || slices.Contains(x.Shape, 0) || x.Shape[1] != v.net.Image ||
		x.Shape[2] != v.net.Image {
		return nil, fmt.Errorf("input is %s of shape %v; want F32 of (n, %d, %d, channels)", x.DType, x.Shape,
			v.net.Image, v.net.Image)
	}
	v.batch, v.net.Channels = x.Shape[0], x.Shape[3]
	if y.DType != "I32" || !slices.Equal(y.Shape, []int{v.batch}) {
		return nil, fmt.Errorf("labels is %s of shape %v; want I32 of (%d)", y.DType, y.Shape, v.batch)
	}
	for _, label := range y.I32 {
		if label < 0 || int(label) >= v.net.Classes {
			return nil, fmt.Errorf("labels has %d; want 0 to %d", label, v.net.Classes-1)
		}
	}
	return v, nil
}

// parseGenotype reads a genotype's JSON. It ignores fields that other programs have added.
func parseGenotype(text string) (space.Genotype, error) {
	var g space.Genotype
	if len(text) > 64<<10 {
		return g, fmt.Errorf("genotype of %d bytes; want at most 64 KiB", len(text))
	}
	if err := json.NewDecoder(bytes.NewReader([]byte(text))).Decode(&g); err != nil {
		return g, fmt.Errorf("genotype: %w", err)
	}
	return g, g.Validate()
}
