package nn

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"unicode/utf8"
)

// Tensor is one array of a safetensors file. DType is "F32", "I32" or "F64" and selects the slice that has the
// elements, in row-major order. An empty Shape is a scalar: one element.
type Tensor struct {
	Name  string
	DType string
	Shape []int
	F32   []float32
	I32   []int32
	F64   []float64
}

// F32Tensor returns a tensor of float32 that aliases v.
func F32Tensor(name string, v []float32, shape ...int) Tensor {
	return Tensor{Name: name, DType: "F32", Shape: shape, F32: v}
}

// Limits for reading: each is far above what this program writes.
const (
	maxHeader  = 32 << 20 // bytes of JSON
	maxName    = 1024     // bytes
	maxDims    = 8
	copyBuffer = 64 << 10 // bytes converted at a time
)

// dtypes maps the supported types to the size of an element in bytes.
var dtypes = map[string]int{"F64": 8, "F32": 4, "I32": 4}

func (t Tensor) len() int {
	switch t.DType {
	case "F32":
		return len(t.F32)
	case "I32":
		return len(t.I32)
	}
	return len(t.F64)
}

// WriteSafetensors writes a file in the safetensors format (https://huggingface.co/docs/safetensors): 8 bytes with the
// little-endian length of the header, the header (JSON, padded with spaces to a multiple of 8), the data. The bytes
// depend only on the contents: tensors are sorted by element size, largest first so that all are aligned, then by name;
// metadata by key. The order of ts does not matter, and ts is not changed.
func WriteSafetensors(w io.Writer, meta map[string]string, ts []Tensor) error {
	order := append([]Tensor(nil), ts...)
	for i, t := range order {
		if err := checkTensor(t); err != nil {
			return fmt.Errorf("safetensors: tensor %d %q: %w", i, t.Name, err)
		}
	}
	sort.Slice(order, func(i, j int) bool {
		if a, b := dtypes[order[i].DType], dtypes[order[j].DType]; a != b {
			return a > b
		}
		return order[i].Name < order[j].Name
	})
	header, err := header(meta, order)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	b := bufio.NewWriterSize(w, copyBuffer)
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(header)))
	b.Write(n[:]) // a bufio.Writer keeps its first error for Flush
	b.Write(header)
	for _, t := range order {
		writeData(b, t)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}

func checkTensor(t Tensor) error {
	if _, ok := dtypes[t.DType]; !ok {
		return fmt.Errorf("type %q, want F32, I32 or F64", t.DType)
	}
	if t.Name == "" || t.Name == "__metadata__" || len(t.Name) > maxName || !utf8.ValidString(t.Name) {
		return errors.New("bad tensor name")
	}
	n, err := elements(t.Shape)
	if err != nil {
		return err
	}
	if n != t.len() {
		return fmt.Errorf("%d elements for shape %v, want %d", t.len(), t.Shape, n)
	}
	return nil
}

// elements returns the product of the shape.
func elements(shape []int) (int, error) {
	if len(shape) > maxDims {
		return 0, fmt.Errorf("%d dimensions, want at most %d", len(shape), maxDims)
	}
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt64/16/d {
			return 0, fmt.Errorf("bad shape %v", shape)
		}
		n *= d
	}
	return n, nil
}

// entry is a tensor's row in the header; its fields are in the order in which they are written.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

func header(meta map[string]string, ts []Tensor) ([]byte, error) {
	out := []byte{'{'}
	add := func(key string, value any) error {
		k, err := json.Marshal(key)
		if err != nil {
			return err
		}
		v, err := json.Marshal(value)
		if err != nil {
			return err
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, k...), ':'), v...)
		return nil
	}
	if len(meta) > 0 {
		for k, v := range meta {
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				return nil, fmt.Errorf("metadata %q is not UTF-8", k)
			}
		}
		if err := add("__metadata__", meta); err != nil { // encoding/json sorts the keys
			return nil, err
		}
	}
	at, seen := int64(0), map[string]bool{}
	for _, t := range ts {
		if seen[t.Name] {
			return nil, fmt.Errorf("tensor %q occurs twice", t.Name)
		}
		seen[t.Name] = true
		end := at + int64(t.len())*int64(dtypes[t.DType])
		if err := add(t.Name, entry{t.DType, append([]int{}, t.Shape...), [2]int64{at, end}}); err != nil {
			return nil, err
		}
		at = end
	}
	out = append(out, '}')
	for len(out)%8 != 0 {
		out = append(out, ' ')
	}
	if len(out) > maxHeader {
		return nil, fmt.Errorf("header of %d bytes, want at most %d", len(out), maxHeader)
	}
	return out, nil
}

func writeData(b *bufio.Writer, t Tensor) {
	var e [8]byte
	for _, v := range t.F32 {
		binary.LittleEndian.PutUint32(e[:], math.Float32bits(v))
		b.Write(e[:4])
	}
	for _, v := range t.I32 {
		binary.LittleEndian.PutUint32(e[:], uint32(v))
		b.Write(e[:4])
	}
	for _, v := range t.F64 {
		binary.LittleEndian.PutUint64(e[:], math.Float64bits(v))
		b.Write(e[:])
	}
}
