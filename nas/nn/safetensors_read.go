package nn

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"strconv"
)

// ReadSafetensors reads a safetensors file of at most limit bytes (0: 4 GiB): its metadata and its tensors in the order
// of their data. It supports the types F32, I32 and F64; any other is an error that names the tensor.
//
// The bytes may come from anywhere. They never make it panic, and it never uses memory out of proportion to the bytes
// that really arrive. It refuses duplicate names, shapes that overflow or do not fit their bytes, data that overlap,
// have holes or stop early, and bytes after the end.
func ReadSafetensors(r io.Reader, limit int64) (meta map[string]string, ts []Tensor, err error) {
	if limit <= 0 {
		limit = 4 << 30
	}
	meta, ts, err = readSafetensors(r, limit)
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	return meta, ts, nil
}

func readSafetensors(r io.Reader, limit int64) (map[string]string, []Tensor, error) {
	var n [8]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, nil, fmt.Errorf("length of the header: %w", short(err))
	}
	size := binary.LittleEndian.Uint64(n[:])
	if size > maxHeader || int64(size) > limit-8 {
		return nil, nil, fmt.Errorf("header of %d bytes, want at most %d: is this a safetensors file?", size,
			min(maxHeader, limit-8))
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(size)))
	if err != nil {
		return nil, nil, err
	}
	if uint64(len(text)) < size {
		return nil, nil, fmt.Errorf("header: %w", io.ErrUnexpectedEOF)
	}
	h := headerReader{d: json.NewDecoder(bytes.NewReader(text))}
	h.d.UseNumber()
	if err := h.read(); err != nil {
		return nil, nil, fmt.Errorf("header: %w", err)
	}
	if err := h.layout(limit - 8 - int64(size)); err != nil {
		return nil, nil, err
	}
	ts := make([]Tensor, len(h.rows))
	for i, row := range h.rows {
		ts[i] = Tensor{Name: row.name, DType: row.DType, Shape: row.Shape}
		if err := readData(r, &ts[i], row.count); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", row.name, err)
		}
	}
	if k, err := r.Read(n[:1]); k > 0 || err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, errors.New("bytes found after the last tensor")
	}
	return h.meta, ts, nil
}

func short(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

type headerRow struct {
	name  string
	count int // elements
	entry
}

// headerReader walks the tokens of the header: encoding/json alone would accept duplicate names.
type headerReader struct {
	d    *json.Decoder
	meta map[string]string
	rows []headerRow
}

func (h *headerReader) read() error {
	seen := map[string]bool{}
	err := h.object(func(name string) error {
		if seen[name] {
			return errors.New("occurs twice")
		}
		seen[name] = true
		if name == "__metadata__" {
			return h.metadata()
		}
		if name == "" || len(name) > maxName {
			return fmt.Errorf("name of %d bytes, want 1 to %d", len(name), maxName)
		}
		return h.row(name)
	})
	if err != nil {
		return err
	}
	if _, err := h.d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text found after the object")
	}
	return nil
}

// object reads { "key": … } and calls value for each key, which must read the value.
func (h *headerReader) object(value func(key string) error) error {
	if err := h.delim('{'); err != nil {
		return err
	}
	for h.d.More() {
		t, err := h.d.Token()
		if err != nil {
			return short(err)
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("found %v, want a name", t)
		}
		if err := value(key); err != nil {
			if len(key) > 60 {
				key = key[:60] + "…"
			}
			return fmt.Errorf("%q: %w", key, err)
		}
	}
	return h.delim('}')
}

func (h *headerReader) delim(want json.Delim) error {
	t, err := h.d.Token()
	if err != nil {
		return short(err)
	}
	if t != want {
		return fmt.Errorf("found %v, want %v", t, want)
	}
	return nil
}

func (h *headerReader) metadata() error {
	h.meta = map[string]string{}
	return h.object(func(key string) error {
		if _, ok := h.meta[key]; ok {
			return errors.New("occurs twice")
		}
		v, err := h.text()
		h.meta[key] = v
		return err
	})
}

func (h *headerReader) text() (string, error) {
	t, err := h.d.Token()
	if err != nil {
		return "", short(err)
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("found %v, want a text", t)
	}
	return s, nil
}

// ints reads an array of integers of zero or more, no more than most of them.
func (h *headerReader) ints(most int) ([]int64, error) {
	if err := h.delim('['); err != nil {
		return nil, err
	}
	var out []int64
	for h.d.More() {
		t, err := h.d.Token()
		if err != nil {
			return nil, short(err)
		}
		number, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("found %v, want a number", t)
		}
		v, err := strconv.ParseInt(number.String(), 10, 64)
		if err != nil || v < 0 {
			return nil, fmt.Errorf("found %v, want a whole number of zero or more", number)
		}
		if out = append(out, v); len(out) > most {
			return nil, fmt.Errorf("more than %d numbers", most)
		}
	}
	return out, h.delim(']')
}

func (h *headerReader) row(name string) error {
	row := headerRow{name: name}
	seen := map[string]bool{}
	err := h.object(func(key string) (err error) {
		if seen[key] {
			return errors.New("occurs twice")
		}
		seen[key] = true
		var v []int64
		switch key {
		case "dtype":
			row.DType, err = h.text()
		case "shape":
			v, err = h.ints(maxDims)
			row.Shape = make([]int, len(v))
			for i, d := range v {
				row.Shape[i] = int(d)
			}
		case "data_offsets":
			v, err = h.ints(2)
			if err == nil && len(v) != 2 {
				return errors.New("want two numbers")
			}
			copy(row.Offsets[:], v)
		default:
			return errors.New("is unknown")
		}
		return err
	})
	if err != nil {
		return err
	}
	if !seen["dtype"] || !seen["shape"] || !seen["data_offsets"] {
		return errors.New("want dtype, shape and data_offsets")
	}
	size, ok := dtypes[row.DType]
	if !ok {
		return fmt.Errorf("type %.20q, want F32, I32 or F64", row.DType)
	}
	if row.count, err = elements(row.Shape); err != nil {
		return err
	}
	if from, to := row.Offsets[0], row.Offsets[1]; to < from || to-from != int64(row.count)*int64(size) {
		return fmt.Errorf("bytes %d to %d for shape %v of %s", from, to, row.Shape, row.DType)
	}
	h.rows = append(h.rows, row)
	return nil
}

// layout sorts the rows by offset and checks that they fill the data, at most limit bytes, without a hole.
func (h *headerReader) layout(limit int64) error {
	sort.SliceStable(h.rows, func(i, j int) bool {
		a, b := h.rows[i].Offsets, h.rows[j].Offsets
		return a[0] < b[0] || a[0] == b[0] && a[1] < b[1]
	})
	at := int64(0)
	for _, row := range h.rows {
		if row.Offsets[0] != at {
			return fmt.Errorf("tensor %q: its data start at byte %d, want %d: no holes, no overlap", row.name,
				row.Offsets[0], at)
		}
		at = row.Offsets[1]
	}
	if at > limit {
		return fmt.Errorf("%d bytes of data, want at most %d", at, limit)
	}
	return nil
}

// readData reads count elements. Memory grows as bytes arrive, so a header that promises too much costs nothing.
func readData(r io.Reader, t *Tensor, count int) error {
	size := dtypes[t.DType]
	buf := make([]byte, min(copyBuffer, count*size))
	start := min(count, 1<<18)
	switch t.DType {
	case "F32":
		t.F32 = make([]float32, 0, start)
	case "I32":
		t.I32 = make([]int32, 0, start)
	case "F64":
		t.F64 = make([]float64, 0, start)
	}
	for left := count * size; left > 0; {
		b := buf[:min(len(buf), left)]
		if _, err := io.ReadFull(r, b); err != nil {
			return short(err)
		}
		left -= len(b)
		for ; len(b) > 0; b = b[size:] {
			switch t.DType {
			case "F32":
				t.F32 = append(t.F32, math.Float32frombits(binary.LittleEndian.Uint32(b)))
			case "I32":
				t.I32 = append(t.I32, int32(binary.LittleEndian.Uint32(b)))
			case "F64":
				t.F64 = append(t.F64, math.Float64frombits(binary.LittleEndian.Uint64(b)))
			}
		}
	}
	return nil
}
