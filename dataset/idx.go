package dataset

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The IDX format of MNIST: two zero bytes, the type (8 = unsigned byte), the number of dimensions, each dimension as a
// big-endian uint32, then the values in C order.

// readIDX reads one array of bytes of the wanted rank.
func readIDX(r io.Reader, rank int) (shape []int, data []byte, err error) {
	head := make([]byte, 4+4*rank)
	if k, err := io.ReadFull(r, head); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, nil, fmt.Errorf("idx: header ends after %d of %d bytes: %w", k, len(head), err)
	}
	if want := [4]byte{0, 0, 8, byte(rank)}; [4]byte(head) != want {
		return nil, nil, fmt.Errorf("idx: starts with % x, want % x (unsigned bytes, %d dimensions)",
			head[:4], want, rank)
	}
	size := int64(1)
	for i := range rank {
		d := int64(binary.BigEndian.Uint32(head[4+4*i:]))
		limit := int64(maxSide)
		if i == 0 {
			limit = maxImages
		}
		if d < 1 || d > limit {
			return nil, nil, fmt.Errorf("idx: dimension %d is %d, want 1 to %d", i, d, limit)
		}
		if size *= d; size > maxPixels {
			return nil, nil, fmt.Errorf("idx: data has more than %d bytes", int64(maxPixels))
		}
		shape = append(shape, int(d))
	}
	data, err = readGrowing(r, size)
	if err != nil {
		return nil, nil, fmt.Errorf("idx: %w", err)
	}
	return shape, data, nil
}

// idxFiles are the files of MNIST and of sets that adopted its form: images and labels for training, images and labels
// for the test.
var idxFiles = []string{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
	"t10k-labels-idx1-ubyte"}

// findIDX returns the path of an IDX file in dir: compressed or plain, also spelled train-images.idx3-ubyte as in old
// archives.
func findIDX(dir, name string) (string, bool) {
	dotted := strings.Replace(name, "-idx", ".idx", 1)
	for _, n := range []string{name + ".gz", name, dotted + ".gz", dotted} {
		path := filepath.Join(dir, n)
		if st, err := os.Stat(path); err == nil && !st.IsDir() {
			return path, true
		}
	}
	return "", false
}

func idxFilesIn(dir string) (found []string) {
	for _, name := range idxFiles {
		if path, ok := findIDX(dir, name); ok {
			found = append(found, path)
		}
	}
	return found
}

// loadIDX loads a published set of IDX files; every checksum must match.
func loadIDX(ctx context.Context, info Info, o Options) (*Data, error) {
	dir, err := locate(info, o.Dir, func(dir string) bool { return len(idxFilesIn(dir)) > 0 })
	if err != nil {
		return nil, err
	}
	d, contents, err := readIDXFolder(ctx, dir, info)
	if err != nil {
		return nil, err
	}
	return finish(ctx, d, o, contents)
}

// loadIDXFolder loads any four IDX files. If they are a published set, they get its name and class names; else there is
// a warning, and the classes are numbers.
func loadIDXFolder(ctx context.Context, o Options) (*Data, error) {
	labels, _ := findIDX(o.Dir, idxFiles[3])
	for _, info := range []Info{fashionInfo, mnistInfo} {
		if verify(ctx, labels, info.Files[3]) == nil {
			return loadIDX(ctx, info, o)
		}
	}
	name := filepath.Base(o.Dir)
	d, contents, err := readIDXFolder(ctx, o.Dir, Info{Name: name, Title: "IDX files in " + o.Dir, License: "not known",
		Source: o.Dir})
	if err != nil {
		return nil, err
	}
	classes := int(max(slices.Max(d.Train.Labels), slices.Max(d.Test.Labels))) + 1
	for i := range classes {
		d.Info.Classes = append(d.Info.Classes, strconv.Itoa(i))
	}
	d.Warnings = append(d.Warnings, o.Dir+": no published checksum is known for these files")
	return finish(ctx, d, o, contents)
}

// readIDXFolder reads the four files. They must match the sizes, checksums and classes in info.
func readIDXFolder(ctx context.Context, dir string, info Info) (*Data, []content, error) {
	d := &Data{Info: info}
	var contents []content
	for i, part := range []*Images{&d.Train, &d.Test} {
		var arrays [2][]byte
		var shapes [2][]int
		for j := range 2 {
			name := idxFiles[2*i+j]
			path, ok := findIDX(dir, name)
			if !ok {
				return nil, nil, fmt.Errorf("%w: %s.gz in %s\n%s", ErrMissing, name, dir, hint(info))
			}
			var want File
			if len(info.Files) > 0 {
				want = info.Files[2*i+j]
			}
			shape, data, c, err := readIDXFile(ctx, path, name, 3-2*j, want)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", path, err)
			}
			shapes[j], arrays[j] = shape, data
			contents = append(contents, c)
		}
		if shapes[0][0] != shapes[1][0] {
			return nil, nil, fmt.Errorf("%s: %d images but %d labels", dir, shapes[0][0], shapes[1][0])
		}
		labels, err := toLabels(arrays[1], len(info.Classes))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %s: %w", dir, idxFiles[2*i+1], err)
		}
		*part = Images{N: shapes[0][0], H: shapes[0][1], W: shapes[0][2], C: 1, Pixels: arrays[0], Labels: labels}
	}
	if d.Train.H != d.Test.H || d.Train.W != d.Test.W {
		return nil, nil, fmt.Errorf("%s: training images are %dx%d, test images %dx%d", dir, d.Train.H, d.Train.W,
			d.Test.H, d.Test.W)
	}
	return d, contents, nil
}

func readIDXFile(ctx context.Context, path, name string, rank int, want File) ([]int, []byte, content, error) {
	limit := int64(maxPixels)
	if want.ContentSize > 0 {
		limit = want.ContentSize
	}
	r, closeFile, err := openContent(ctx, path, want.ContentSize, limit)
	if err != nil {
		return nil, nil, content{}, err
	}
	defer closeFile()
	shape, data, err := readIDX(r, rank)
	if err != nil {
		return nil, nil, content{}, wanted(err, want)
	}
	c, err := r.end(name)
	if err != nil {
		return nil, nil, content{}, wanted(err, want)
	}
	return shape, data, c, c.matches(want)
}

// matches compares content with what was published, if anything.
func (c content) matches(want File) error {
	if want.ContentSize > 0 && c.size != want.ContentSize {
		return &sizeError{c.size, want.ContentSize}
	}
	if want.ContentSHA256 != "" && c.sha256 != want.ContentSHA256 {
		return &sumError{c.sha256, want.ContentSHA256}
	}
	return nil
}

// wanted adds to a read error what the whole file should be.
func wanted(err error, want File) error {
	if want.ContentSize == 0 {
		return err
	}
	return fmt.Errorf("%w (want %d bytes of content with sha256 %s)", err, want.ContentSize, want.ContentSHA256)
}

// toLabels checks labels against the number of classes; 0 allows any.
func toLabels(b []byte, classes int) ([]int32, error) {
	labels := make([]int32, len(b))
	for i, v := range b {
		if classes > 0 && int(v) >= classes {
			return nil, fmt.Errorf("label %d of image %d, want 0 to %d", v, i, classes-1)
		}
		labels[i] = int32(v)
	}
	return labels, nil
}
