package child

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"strings"

	"nasnet/dataset"
	"nasnet/nas/nn"
	"nasnet/nas/space"
	"nasnet/nas/strictjson"
)

// modelFormat names the layout of a saved model: a safetensors file that has the network under "param/", named as in
// [Check], and its description in the metadata.
const modelFormat = "nasnet-model/1"

// Model is a trained network for evaluation and prediction. It belongs to one goroutine.
type Model struct {
	Genotype  space.Genotype
	Net       NetConfig
	Train     TrainConfig // how it was trained
	Mean, Std []float32   // per channel, of pixel/255: how images are normalised
	// name of the data set it was trained on: "" if unknown, "folder" for a folder of images
	Data       string
	ClassNames []string // may be nil
	Epochs     []EpochResult

	base     *network         // owns the weights
	networks map[int]*network // by batch size
	programs map[int]*nn.Program
}

// Save writes the network, or the moving average of its weights if there is one, with all that is needed to use it:
// genotype, configs, normalisation, class names. The auxiliary classifier is included.
func (t *Trainer) Save(w io.Writer) error {
	meta := map[string]string{"format": modelFormat, "data": strings.ToValidUTF8(t.data.Name, "\ufffd")}
	for key, v := range map[string]any{"genotype": t.genotype, "net": t.net, "train": t.train,
		"mean": t.data.Train.Mean, "std": t.data.Train.Std,
		"class_names": t.data.ClassNames, "epochs": t.results} {
		b, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("child: save: %s: %w", key, err)
		}
		meta[key] = string(b)
	}
	ts := paramTensors(t.network.g)
	if t.mean != nil {
		ts = t.mean.tensors(t.network.g)
	}
	if err := nn.WriteSafetensors(w, meta, ts); err != nil {
		return fmt.Errorf("child: save: %w", err)
	}
	return nil
}

// Load reads what Save wrote. The bytes may come from anywhere: Load checks them and returns an error rather than
// panic.
func Load(r io.Reader) (*Model, error) {
	m, err := load(r)
	if err != nil {
		return nil, fmt.Errorf("child: load: %w", err)
	}
	return m, nil
}

func load(r io.Reader) (m *Model, err error) {
	defer recoverPanic(&err)
	meta, ts, err := nn.ReadSafetensors(r, 0)
	if err != nil {
		return nil, err
	}
	if meta["format"] != modelFormat {
		return nil, fmt.Errorf("format is %.40q; want %q: is this a saved model?", meta["format"], modelFormat)
	}
	m = &Model{Data: meta["data"], networks: map[int]*network{}, programs: map[int]*nn.Program{}}
	if m.Genotype, err = space.ParseJSON([]byte(meta["genotype"])); err != nil {
		return nil, err
	}
	for key, v := range map[string]any{"net": &m.Net, "train": &m.Train, "mean": &m.Mean, "std": &m.Std,
		"class_names": &m.ClassNames, "epochs": &m.Epochs} {
		if err := strictjson.Decode([]byte(meta[key]), maxMeta, v); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	if err := plausible(len(ts), m.Net); err != nil {
		return nil, err
	}
	if m.base, err = build(m.Genotype, m.Net, buildOptions{}); err != nil {
		return nil, err
	}
	m.Net = m.base.config
	if len(m.Mean) != m.Net.Channels || len(m.Std) != m.Net.Channels {
		return nil, fmt.Errorf("metadata has %d means and %d deviations for %d channels", len(m.Mean), len(m.Std),
			m.Net.Channels)
	}
	for i, s := range m.Std {
		if !(s > 0) || notFinite(float64(s)) || notFinite(float64(m.Mean[i])) {
			return nil, fmt.Errorf("metadata has mean %v, deviation %v for channel %d", m.Mean[i], s, i)
		}
	}
	if n := len(m.ClassNames); n != 0 && n != m.Net.Classes {
		return nil, fmt.Errorf("metadata has %d names for %d classes", n, m.Net.Classes)
	}
	params := map[string]nn.Tensor{}
	for _, s := range ts {
		params[s.Name] = s
	}
	if err := checkParams(m.base.g, params); err != nil {
		return nil, err
	}
	if _, err := m.program(1); err != nil { // allocates the weights
		return nil, err
	}
	setParams(m.base.g, params)
	return m, nil
}

// Layers lists what the model computes for one image, from the normalised image to the logits, which come last; without
// the auxiliary classifier. The layers share the model's memory.
func (m *Model) Layers() ([]nn.Layer, error) { return m.base.g.Layers(m.base.logits) }

// maxMeta limits a text in a model's metadata, in bytes: a million class names take less.
const maxMeta = 32 << 20

// plausible checks, before a network is built, that a file of n arrays can describe it: every normal cell has weights,
// so a small file cannot describe a deep network.
func plausible(n int, c NetConfig) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if n/3 < c.N {
		return fmt.Errorf("%d arrays for three times %d normal cells: weights of another network?", n, c.N)
	}
	return nil
}

// maxBatch is the most images that a model works on at a time.
const maxBatch = 64

// mostBytes is the most working memory that a network described by a file may take.
const mostBytes = 8 << 30

// affordable checks a program's memory before it is taken: a few bytes of a file can describe a huge network.
func affordable(p *nn.Program) error {
	if n := p.PlannedPeak(); n > mostBytes {
		return fmt.Errorf("the network needs %d MiB of working memory; want at most %d for a network from a file",
			n>>20, mostBytes>>20)
	}
	return nil
}

// program returns the smallest program for n images, or a program for parts of them. Batches are powers of two, so
// there are few programs.
func (m *Model) program(n int) (*nn.Program, error) {
	batch := 1
	for batch < n && batch < maxBatch {
		batch *= 2
	}
	if p := m.programs[batch]; p != nil {
		return p, nil
	}
	s, err := m.shard(batch)
	if err != nil {
		return nil, err
	}
	m.networks[batch], m.programs[batch] = s.network, s.program
	return s.program, nil
}

// shard builds the network for batches of the given size; it shares the weights and has its own memory for the rest.
func (m *Model) shard(batch int) (*shard, error) {
	b := m.base
	if batch > 1 {
		var err error
		if b, err = build(m.Genotype, m.Net, buildOptions{batch: batch, share: m.base.g}); err != nil {
			return nil, err
		}
	}
	p, err := b.g.Plan(nil, b.logits)
	if err != nil {
		return nil, err
	}
	if err := affordable(p); err != nil {
		return nil, err
	}
	p.Alloc()
	return &shard{network: b, program: p}, nil
}

// Evaluate judges the model on all images of a view as its training did, with the model's normalisation: it returns the
// mean cross entropy and the fraction of correct predictions. It uses all cores; their number changes no bit of the
// result.
func (m *Model) Evaluate(ctx context.Context, v *dataset.View) (loss, acc float64, err error) {
	defer recoverPanic(&err)
	if err := fits(v, m.Net); err != nil {
		return 0, 0, fmt.Errorf("child: images to evaluate on: %w", err)
	}
	p, err := m.program(v.Len())
	if err != nil {
		return 0, 0, fmt.Errorf("child: %w", err)
	}
	part := p.Batch()
	shards := []*shard{{network: m.networks[part], program: p}}
	for len(shards) < min(runtime.GOMAXPROCS(0), v.Len()/part) && int64(len(shards)+1)*p.PlannedPeak() <= mostBytes {
		s, err := m.shard(part)
		if err != nil {
			return 0, 0, fmt.Errorf("child: %w", err)
		}
		shards = append(shards, s)
	}
	team := newTeam(len(shards), len(shards))
	defer team.close()
	own := *v
	own.Mean, own.Std = m.Mean, m.Std
	return evaluate(ctx, team, shards, &own, part, m.Train.FlipAverage)
}

// Predict returns the probability of every class for each image: pixels is (n, image, image, channels) as in m.Net, the
// result (n, classes). Evaluate judges the same predictions.
func (m *Model) Predict(pixels []uint8) (probabilities []float32, err error) {
	logits, err := m.Logits(pixels)
	if err == nil && m.Train.FlipAverage {
		var mirrored []float32
		mirrored, err = m.look(pixels, &dataset.Augmenter{Mirror: true})
		for i, l := range mirrored {
			logits[i] = (logits[i] + l) / 2
		}
	}
	if err != nil {
		return nil, err
	}
	for at := 0; at < len(logits); at += m.Net.Classes {
		probabilities = append(probabilities, softmax(logits[at:at+m.Net.Classes])...)
	}
	return probabilities, nil
}

// Logits returns the classifier's outputs for each image, (n, classes), from which [Model.Predict] makes probabilities.
func (m *Model) Logits(pixels []uint8) (logits []float32, err error) { return m.look(pixels, nil) }

// look computes the logits of images after the augmenter, if any, has changed them.
func (m *Model) look(pixels []uint8, a *dataset.Augmenter) (logits []float32, err error) {
	defer recoverPanic(&err)
	c := m.Net
	per := c.Image * c.Image * c.Channels
	if len(pixels) == 0 || len(pixels)%per != 0 {
		return nil, fmt.Errorf("child: predict: %d pixels; want images of %dx%dx%d", len(pixels), c.Image,
			c.Image, c.Channels)
	}
	n := len(pixels) / per
	v := &dataset.View{Data: &dataset.Images{N: n, H: c.Image, W: c.Image, C: c.Channels, Pixels: pixels,
		Labels: make([]int32, n)}, Index: make([]int32, n),
		Mean: m.Mean, Std: m.Std, Classes: c.Classes}
	for i := range v.Index {
		v.Index[i] = int32(i)
	}
	p, err := m.program(n)
	if err != nil {
		return nil, fmt.Errorf("child: predict: %w", err)
	}
	net := m.networks[p.Batch()]
	for at := 0; at < n; at += p.Batch() {
		k := min(p.Batch(), n-at)
		index := make([]int32, k)
		for i := range index {
			index[i] = int32(at + i)
		}
		v.Batch(p.Value(net.input)[:k*per], nil, index, a)
		p.Forward(false)
		logits = append(logits, p.Value(net.logits)[:k*c.Classes]...)
	}
	return logits, nil
}

func softmax(logits []float32) []float32 {
	top, sum := float64(logits[0]), 0.0
	for _, v := range logits {
		top = max(top, float64(v))
	}
	e := make([]float64, len(logits))
	for i, v := range logits {
		e[i] = math.Exp(float64(v) - top)
		sum += e[i]
	}
	out := make([]float32, len(logits))
	for i, v := range e {
		out[i] = float32(v / sum)
	}
	return out
}
