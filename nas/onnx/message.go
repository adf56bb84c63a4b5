package onnx

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers from onnx.proto3 (github.com/onnx/onnx): fields of messages, and enumerations.
const (
	irVersion = 7
	opset     = 13 // of the default domain

	modelIRVersion  = 1
	modelProducer   = 2
	modelGraph      = 7
	modelOpset      = 8
	modelProperties = 14

	opsetVersion = 2

	propertyKey  = 1
	propertyText = 2

	graphNode   = 1
	graphName   = 2
	graphTensor = 5
	graphInput  = 11
	graphOutput = 12

	nodeInput  = 1
	nodeOutput = 2
	nodeName   = 3
	nodeOp     = 4
	nodeAttr   = 5

	attrName  = 1
	attrFloat = 2
	attrInt   = 3
	attrInts  = 8
	attrKind  = 20

	kindFloat = 1
	kindInt   = 2
	kindInts  = 7

	tensorDims = 1
	tensorType = 2
	tensorName = 8
	tensorRaw  = 9

	typeFloat = 1
	typeInt64 = 7

	valueName = 1
	valueType = 2

	typeTensor       = 1 // of a value's type
	tensorElem       = 1 // of typeTensor
	tensorShape      = 2
	shapeDim         = 1
	dimSize, dimFree = 1, 2
)

// largest is the size limit of a protobuf message, in bytes.
const largest = math.MaxInt32

// message is a ModelProto before it is encoded.
type message struct {
	name          string
	nodes         []node
	tensors       []tensor
	input, output value
	properties    []property
}

// value is an input or output: each dimension is a size, or the name of a free one.
type value struct {
	name string
	dims []any
}

// write encodes the message. Fields come in the order of their numbers. Lengths come before contents, so all sizes are
// computed first; the data of each tensor is computed only when it is written.
func (m message) write(w io.Writer) error {
	var head, tail []byte // of the graph, before and after its tensors
	for _, n := range m.nodes {
		head = part(head, graphNode, n.encode())
	}
	head = text(head, graphName, m.name)
	tail = part(tail, graphInput, m.input.encode())
	tail = part(tail, graphOutput, m.output.encode())
	size := int64(len(head) + len(tail))
	for _, t := range m.tensors {
		size += t.size()
	}
	var before, after []byte
	before = number(before, modelIRVersion, irVersion)
	before = text(before, modelProducer, "nasnet")
	before = protowire.AppendTag(before, modelGraph, protowire.BytesType)
	before = protowire.AppendVarint(before, uint64(size))
	after = part(after, modelOpset, number(nil, opsetVersion, opset))
	for _, p := range m.properties {
		after = part(after, modelProperties, text(text(nil, propertyKey, p.key), propertyText, p.text))
	}
	if total := size + int64(len(before)+len(after)); total > largest {
		return fmt.Errorf("the model takes %d bytes; want at most %d, the limit of an ONNX file", total, largest)
	}
	b := bufio.NewWriterSize(w, 1<<16)
	b.Write(before) // a bufio.Writer keeps its first error
	b.Write(head)
	for _, t := range m.tensors {
		if err := t.write(b); err != nil {
			return err
		}
	}
	b.Write(tail)
	b.Write(after)
	return b.Flush()
}

// part appends a message inside a message.
func part(b []byte, field protowire.Number, inner []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), inner)
}

func text(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func number(b []byte, field protowire.Number, v int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(v))
}

func (n node) encode() (b []byte) {
	for _, in := range n.in {
		b = text(b, nodeInput, in)
	}
	b = text(b, nodeOutput, n.name)
	b = text(b, nodeName, n.name)
	b = text(b, nodeOp, n.op)
	for _, a := range n.attrs {
		b = part(b, nodeAttr, a.encode())
	}
	return b
}

func (a attr) encode() []byte {
	b := text(nil, attrName, a.name)
	switch len(a.ints) {
	case 0:
		b = protowire.AppendFixed32(protowire.AppendTag(b, attrFloat, protowire.Fixed32Type), math.Float32bits(a.float))
		return number(b, attrKind, kindFloat)
	case 1:
		return number(number(b, attrInt, a.ints[0]), attrKind, kindInt)
	}
	for _, v := range a.ints {
		b = number(b, attrInts, v)
	}
	return number(b, attrKind, kindInts)
}

func (v value) encode() []byte {
	var shape []byte
	for _, d := range v.dims {
		var dim []byte
		switch d := d.(type) {
		case int:
			dim = number(nil, dimSize, d)
		case string:
			dim = text(nil, dimFree, d)
		}
		shape = part(shape, shapeDim, dim)
	}
	tensor := part(number(nil, tensorElem, typeFloat), tensorShape, shape)
	return part(text(nil, valueName, v.name), valueType, part(nil, typeTensor, tensor))
}

// raw returns the size of a tensor's data in bytes, without computing the data.
func (t tensor) raw() int64 {
	if t.ints != nil {
		return 8 * int64(len(t.ints))
	}
	n := int64(4)
	for _, d := range t.dims {
		n *= int64(d)
	}
	return n
}

// head returns a TensorProto up to its data.
func (t tensor) head() (b []byte) {
	for _, d := range t.dims {
		b = number(b, tensorDims, d)
	}
	kind := typeFloat
	if t.ints != nil {
		kind = typeInt64
	}
	b = text(number(b, tensorType, kind), tensorName, t.name)
	b = protowire.AppendTag(b, tensorRaw, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(t.raw()))
}

// size returns the size in bytes of the tensor as a part of the graph.
func (t tensor) size() int64 {
	n := int64(len(t.head())) + t.raw()
	return int64(protowire.SizeTag(graphTensor)+protowire.SizeVarint(uint64(n))) + n
}

// write writes the tensor as a part of the graph.
func (t tensor) write(w *bufio.Writer) error {
	head := t.head()
	b := protowire.AppendTag(nil, graphTensor, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(int64(len(head))+t.raw()))
	w.Write(append(b, head...))
	if t.ints != nil {
		return binary.Write(w, binary.LittleEndian, t.ints)
	}
	data := t.floats()
	if int64(len(data))*4 != t.raw() {
		return fmt.Errorf("%s has %d numbers for shape %v", t.name, len(data), t.dims)
	}
	var four [4]byte
	for _, v := range data {
		binary.LittleEndian.PutUint32(four[:], math.Float32bits(v))
		if _, err := w.Write(four[:]); err != nil {
			return err
		}
	}
	return nil
}
