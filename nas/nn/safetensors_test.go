package nn_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"nasnet/nas/nn"
)

func sample() (map[string]string, []nn.Tensor) {
	return map[string]string{"genotype": `{"name":"é <&>"}`, "n": "2"}, []nn.Tensor{
		nn.F32Tensor("b/w", []float32{1, float32(math.Inf(1)), -0.5, math.MaxFloat32, 1e-45, 0}, 2, 3),
		{Name: "labels", DType: "I32", Shape: []int{2}, I32: []int32{math.MinInt32, 7}},
		{Name: "a", DType: "F64", Shape: []int{}, F64: []float64{math.Pi}},
		nn.F32Tensor("empty", []float32{}, 0, 4),
	}
}

func write(t testing.TB, meta map[string]string, ts []nn.Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := nn.WriteSafetensors(&b, meta, ts); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSafetensorsComeBackAsTheyWere(t *testing.T) {
	meta, ts := sample()
	file := write(t, meta, ts)
	gotMeta, got, err := nn.ReadSafetensors(iotest.OneByteReader(bytes.NewReader(file)), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(gotMeta, meta) {
		t.Errorf("metadata %v, want %v", gotMeta, meta)
	}
	want := []nn.Tensor{ts[2], ts[0], ts[3], ts[1]} // by element size, then name
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if n := binary.LittleEndian.Uint64(file); n%8 != 0 {
		t.Errorf("header of %d bytes, want a multiple of 8", n)
	}
	if _, _, err := nn.ReadSafetensors(bytes.NewReader(file), int64(len(file))-1); err == nil {
		t.Error("a file larger than the limit was read")
	}
}

func TestSafetensorsBytesDoNotDependOnOrder(t *testing.T) {
	meta, ts := sample()
	a := write(t, meta, ts)
	for range 5 {
		ts = append(ts[1:], ts[0])
		if b := write(t, map[string]string{"n": meta["n"], "genotype": meta["genotype"]}, ts); !bytes.Equal(a, b) {
			t.Fatal("the bytes depend on the order of the tensors")
		}
	}
}

func TestLargeSafetensorsComeBack(t *testing.T) {
	v := make([]float32, 300_001)
	for i := range v {
		v[i] = float32(i)
	}
	_, got, err := nn.ReadSafetensors(bytes.NewReader(write(t, nil, []nn.Tensor{nn.F32Tensor("v", v, len(v))})), 0)
	if err != nil || !reflect.DeepEqual(got[0].F32, v) {
		t.Errorf("error %v, or other values", err)
	}
}

// raw makes a file with the given header and bytes of data.
func raw(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func TestHostileSafetensorsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "length of the header"},
		{"seven bytes", make([]byte, 7), "length of the header"},
		{"no header", make([]byte, 8), "EOF"},
		{"a huge header", []byte("\xff\xff\xff\xff\xff\xff\xff\xff{}"), "is this a safetensors file"},
		{"a header longer than the file", raw("{}      ", 0)[:12], "EOF"},
		{"a list", raw("[]", 0), "want {"},
		{"two objects", raw("{}{}", 0), "after the object"},
		{"a name twice",
			raw(
				`{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},`+
					`"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0), "twice"},
		{"a field twice", raw(`{"a":{"dtype":"F32","dtype":"F32","shape":[0],"data_offsets":[0,0]}}`, 0), "twice"},
		{"metadata twice", raw(`{"__metadata__":{"x":"1","x":"2"}}`, 0), "twice"},
		{"metadata that is not text", raw(`{"__metadata__":{"x":1}}`, 0), "want a text"},
		{"an unknown type", raw(`{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}`, 2), "BF16"},
		{"an unknown field", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":{}}}`, 4),
			"is unknown"},
		{"a missing field", raw(`{"a":{"dtype":"F32","shape":[1]}}`, 4), "data_offsets"},
		{"a negative dimension", raw(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, 4), "whole number"},
		{"a fraction", raw(`{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,6]}}`, 6), "whole number"},
		{"an exponent", raw(`{"a":{"dtype":"F32","shape":[1e1],"data_offsets":[0,40]}}`, 40), "whole number"},
		{"nine dimensions", raw(`{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}`, 4),
			"more than 8"},
		{"a product that wraps to zero",
			raw(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), "bad shape"},
		{"a product that wraps to four",
			raw(`{"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,16]}}`, 16), "bad shape"},
		{"a number that does not fit", raw(`{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}`,
			4), "whole number"},
		{"bytes that do not fit the shape", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4),
			"bytes 0 to 4"},
		{"offsets backwards", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, 4), "bytes 4 to 0"},
		{"three offsets", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}`, 4), "more than 2"},
		{"overlap",
			raw(
				`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},`+
					`"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), "no overlap"},
		{"a hole", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8), "no holes"},
		{"data cut short", raw(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 7), "EOF"},
		{"bytes after the end", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 5), "after the last"},
		{"a terabyte promised", raw(`{"a":{"dtype":"F32","shape":[274877906944],"data_offsets":[0,1099511627776]}}`, 8),
			"at most"},
		{"a gigabyte promised, eight bytes sent",
			raw(`{"a":{"dtype":"F32","shape":[268435456],"data_offsets":[0,1073741824]}}`, 8), "EOF"},
	} {
		_, _, err := nn.ReadSafetensors(bytes.NewReader(c.file), 0)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "safetensors: ") {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestEveryCutOfAFileIsAnError(t *testing.T) {
	file := write(t, map[string]string{"k": "v"}, []nn.Tensor{nn.F32Tensor("a", []float32{1, 2, 3}, 3)})
	for n := range file {
		if _, _, err := nn.ReadSafetensors(bytes.NewReader(file[:n]), 0); err == nil {
			t.Errorf("the first %d of %d bytes were read without an error", n, len(file))
		}
	}
}

func TestBadTensorsAreNotWritten(t *testing.T) {
	f := []float32{1, 2}
	for name, ts := range map[string][]nn.Tensor{
		"a name twice":             {nn.F32Tensor("a", f, 2), nn.F32Tensor("a", f, 2)},
		"a name twice, other type": {nn.F32Tensor("a", f, 2), {Name: "a", DType: "I32", Shape: []int{0}}},
		"no name":                  {nn.F32Tensor("", f, 2)},
		"the name of the metadata": {nn.F32Tensor("__metadata__", f, 2)},
		"a shape that is too big":  {nn.F32Tensor("a", f, 3)},
		"a negative shape":         {nn.F32Tensor("a", f, -1, -2)},
		"an unknown type":          {{Name: "a", DType: "F16", Shape: []int{0}}},
		"a name that is not UTF-8": {nn.F32Tensor("\xff", f, 2)},
	} {
		if err := nn.WriteSafetensors(&bytes.Buffer{}, nil, ts); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := nn.WriteSafetensors(&bytes.Buffer{}, map[string]string{"k": "\xff"}, nil); err == nil {
		t.Error("metadata that is not UTF-8 was written")
	}
	want := errors.New("disk full")
	if err := nn.WriteSafetensors(failing{want}, nil, []nn.Tensor{nn.F32Tensor("a", f, 2)}); !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Whatever can be read is well formed: it can be written, and reads back the same.
func FuzzReadSafetensors(f *testing.F) {
	meta, ts := sample()
	f.Add(write(f, meta, ts))
	f.Add(write(f, nil, nil))
	f.Add(
		raw(
			`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},`+
				`"b":{"dtype":"I32","shape":[],"data_offsets":[8,12]}}`, 12))
	f.Fuzz(func(t *testing.T, b []byte) {
		meta, ts, err := nn.ReadSafetensors(bytes.NewReader(b), 1<<20)
		if err != nil {
			return
		}
		first := write(t, meta, ts)
		meta, ts, err = nn.ReadSafetensors(bytes.NewReader(first), 0)
		if err != nil {
			t.Fatalf("what was written does not read: %v", err)
		}
		if !bytes.Equal(first, write(t, meta, ts)) {
			t.Fatal("the second writing differs from the first")
		}
	})
}
