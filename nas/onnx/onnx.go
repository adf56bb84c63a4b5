// Package onnx writes a trained network as an ONNX file (onnx.ai), which other runtimes load: [Write].
//
//	child.Model ──Layers──▶ graph: nodes and tensors ──message──▶ ModelProto, streamed
//
// The file has IR version 7 and operator set 13, which every runtime since 2020 reads, and only float32. Its input
// "input" is (batch, channels, side, side), rows from the top, and its output "logits" is (batch, classes); the batch
// is free. It lacks what serves only training, the auxiliary classifier, DropPath and Dropout, and also the mirror
// averaging that [child.Model.Evaluate] may use.
//
// Padding is written as numbers, so it does not matter what a reader takes SAME to mean; averages do not count padding.
// The same model and options give the same bytes.
package onnx

import (
	"encoding/json"
	"fmt"
	"io"

	"nasnet/nas/child"
)

// Options choose how a network is written.
type Options struct {
	// merge batch normalisations into the convolutions before them: fewer steps, equal logits except for rounding
	Fold   bool
	Pixels bool // the input is pixels, 0 to 255; else it is (pixel/255 - mean) / std of its channel
}

// The names of the input, the output and the free dimension.
const (
	inputName  = "input"
	outputName = "logits"
	batchName  = "batch"
)

// Write writes a model. Its metadata_props describe how to use it: "input" (in words), "mean" and "std" (per channel,
// of pixel/255), "classes" (names in the order of the logits, if known), "genotype", "net" and "flip_average" (true:
// the model was judged by the mean of its logits over an image and its mirror image; the graph computes only one of
// them). All except the first are JSON. Write returns an error, before it writes anything, if the model exceeds the 2
// GiB of a protobuf message. Apart from the model, it takes the memory of its largest tensor.
func Write(w io.Writer, m *child.Model, o Options) error {
	if err := write(w, m, o); err != nil {
		return fmt.Errorf("onnx: %w", err)
	}
	return nil
}

func write(w io.Writer, m *child.Model, o Options) error {
	layers, err := m.Layers()
	if err != nil {
		return err
	}
	g := newGraph(layers, o.Fold)
	if o.Pixels {
		g.normalise(m.Mean, m.Std)
	}
	if err := g.addLayers(); err != nil {
		return err
	}
	props, err := properties(m, o)
	if err != nil {
		return err
	}
	name := m.Genotype.Name
	if name == "" {
		name = m.Genotype.ShortHash()
	}
	c := m.Net
	model := message{name: name, nodes: g.nodes, tensors: g.tensors, properties: props,
		input:  value{inputName, []any{batchName, c.Channels, c.Image, c.Image}},
		output: value{outputName, []any{batchName, c.Classes}}}
	return model.write(w)
}

// property is one of the metadata_props.
type property struct{ key, text string }

func properties(m *child.Model, o Options) ([]property, error) {
	input := fmt.Sprintf("float32 (batch, %d, %d, %d), ", m.Net.Channels, m.Net.Image, m.Net.Image)
	if m.Net.Channels == 3 {
		input = "RGB, " + input
	}
	if o.Pixels {
		input += "pixels from 0 to 255"
	} else {
		input += "(pixel/255 - mean) / std by channel"
	}
	props := []property{{"input", input}}
	add := func(key string, v any) error {
		b, err := json.Marshal(v)
		props = append(props, property{key, string(b)})
		return err
	}
	type row struct {
		key string
		v   any
	}
	rows := []row{{"mean", m.Mean}, {"std", m.Std}, {"genotype", m.Genotype}, {"net", m.Net},
		{"flip_average", m.Train.FlipAverage}}
	if len(m.ClassNames) > 0 {
		rows = append(rows, row{"classes", m.ClassNames})
	}
	for _, r := range rows {
		if err := add(r.key, r.v); err != nil {
			return nil, fmt.Errorf("%s: %w", r.key, err)
		}
	}
	return props, nil
}
