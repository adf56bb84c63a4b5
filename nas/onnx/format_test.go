package onnx

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"nasnet/dataset"
	"nasnet/nas/child"
	"nasnet/nas/space"
)

// field is one field of a message: its bytes or its number.
type field struct {
	num    protowire.Number
	bytes  []byte
	number uint64
}

func decode(t *testing.T, b []byte) (fields []field) {
	t.Helper()
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		f := field{num: num}
		switch kind {
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		case protowire.VarintType:
			f.number, n = protowire.ConsumeVarint(b)
		default:
			n = protowire.ConsumeFieldValue(num, kind, b)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		fields, b = append(fields, f), b[n:]
	}
	return fields
}

func texts(fields []field, num protowire.Number) (all []string) {
	for _, f := range fields {
		if f.num == num {
			all = append(all, string(f.bytes))
		}
	}
	return all
}

// model is a fresh network; it has an auxiliary classifier, which must be omitted.
func model(t *testing.T) *child.Model {
	t.Helper()
	d, err := dataset.Synthetic(dataset.SyntheticConfig{Classes: 3, Train: 16, Test: 4, Image: 16, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	g, err := space.Parse("normal=h.s3+p.a3 h.c3&0.d3 h.f3+p.m5 [12] reduction=h.s5+p.i p.f7&h.c1 [01]")
	if err != nil {
		t.Fatal(err)
	}
	tr, err := child.NewTrainer(g, child.NetConfig{N: 1, Filters: 8, Image: 16, Classes: 3, Aux: true},
		child.TrainConfig{Epochs: 1, Batch: 8, LR: 0.1},
		child.Data{Train: d.TrainView(), Val: d.TestView(), ClassNames: []string{"ant", "bee", "cat"}}, 1)
	if err != nil {
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

func TestAFileIsWhole(t *testing.T) {
	m := model(t)
	for _, o := range []Options{{}, {Fold: true}, {Pixels: true}} {
		var b, again bytes.Buffer
		if err := errors.Join(Write(&b, m, o), Write(&again, m, o)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), again.Bytes()) {
			t.Errorf("%+v: two exports of one model differ", o)
		}
		top := decode(t, b.Bytes())
		graph := decode(t, []byte(texts(top, modelGraph)[0]))
		known := map[string]int{inputName: 0} // by name: how often it is read
		for _, s := range texts(graph, graphTensor) {
			name := texts(decode(t, []byte(s)), tensorName)[0]
			if _, twice := known[name]; twice {
				t.Errorf("%+v: two tensors %s", o, name)
			}
			if strings.HasPrefix(name, "aux/") {
				t.Errorf("%+v: %s is not part of an evaluation", o, name)
			}
			known[name] = 0
		}
		ops := map[string]int{}
		for _, s := range texts(graph, graphNode) {
			n := decode(t, []byte(s))
			ops[texts(n, nodeOp)[0]]++
			for _, in := range texts(n, nodeInput) {
				if _, ok := known[in]; !ok {
					t.Errorf("%+v: %s reads %s before it is made", o, texts(n, nodeName)[0], in)
				}
				known[in]++
			}
			out := texts(n, nodeOutput)[0]
			if _, twice := known[out]; twice {
				t.Errorf("%+v: %s is made twice", o, out)
			}
			known[out] = 0
		}
		for name, n := range known {
			if (n == 0) != (name == outputName) {
				t.Errorf("%+v: %s is read %d times", o, name, n)
			}
		}
		if (ops["BatchNormalization"] == 0) != o.Fold || ops["Conv"] == 0 || ops["Pad"] == 0 {
			t.Errorf("%+v: operators %v", o, ops)
		}
		props := map[string]string{}
		for _, s := range texts(top, modelProperties) {
			p := decode(t, []byte(s))
			props[texts(p, propertyKey)[0]] = texts(p, propertyText)[0]
		}
		var classes []string
		var mean []float32
		if err := errors.Join(json.Unmarshal([]byte(props["classes"]), &classes),
			json.Unmarshal([]byte(props["mean"]), &mean)); err != nil {
			t.Errorf("%+v: %v in %v", o, err, props)
		}
		g, err := space.ParseJSON([]byte(props["genotype"]))
		if err != nil || g.Text() != m.Genotype.Text() || !slices.Equal(classes, m.ClassNames) ||
			!slices.Equal(mean, m.Mean) ||
			strings.Contains(props["input"], "0 to 255") != o.Pixels || props["flip_average"] != "false" {
			t.Errorf("%+v: metadata %v (error %v)", o, props, err)
		}
	}
}

// A model that is too large writes nothing, and its data is never computed.
func TestAModelOfMoreThanTwoGiBIsRefused(t *testing.T) {
	half := tensor{name: "half", dims: []int{1 << 14, 1 << 14},
		floats: func() []float32 { t.Error("the data was computed"); return nil }}
	m := message{name: "large", tensors: []tensor{half, half}, input: value{name: inputName},
		output: value{name: outputName}}
	var b bytes.Buffer
	if err := m.write(&b); err == nil || !strings.Contains(err.Error(), "2147483647") || b.Len() > 0 {
		t.Errorf("error %v after %d bytes", err, b.Len())
	}
}

func TestAFileThatCannotBeWrittenIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("needs /dev/full: ", err)
	}
	defer full.Close()
	if err := Write(full, model(t), Options{}); err == nil {
		t.Error("no error")
	}
}
