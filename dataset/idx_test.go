package dataset

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func idxBytes(data []byte, shape ...int) []byte {
	b := []byte{0, 0, 8, byte(len(shape))}
	for _, d := range shape {
		b = binary.BigEndian.AppendUint32(b, uint32(d))
	}
	return append(b, data...)
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

// idxFolder writes four small files: 6 training and 4 test images of 3x2, with alternating labels 0 and 1. change may
// alter the contents.
func idxFolder(t *testing.T, change func(files map[string][]byte)) string {
	t.Helper()
	files := map[string][]byte{}
	for i, n := range []int{6, 4} {
		pixels, labels := make([]byte, n*6), make([]byte, n)
		for j := range pixels {
			pixels[j] = byte(10*i + j)
		}
		for j := range labels {
			labels[j] = byte(j % 2)
		}
		files[idxFiles[2*i]] = idxBytes(pixels, n, 3, 2)
		files[idxFiles[2*i+1]] = idxBytes(labels, n)
	}
	if change != nil {
		change(files)
	}
	dir := t.TempDir()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestIDXFolderLoads(t *testing.T) {
	plain, err := Load(context.Background(), idxFolder(t, nil), Options{})
	if err != nil {
		t.Fatal(err)
	}
	packed, err := Load(context.Background(), idxFolder(t, func(files map[string][]byte) {
		for name, b := range maps.Clone(files) {
			files[name+".gz"] = gzipped(b)
			delete(files, name)
		}
	}), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if plain.SHA256 != packed.SHA256 {
		t.Error("compression changed the checksum of the data")
	}
	if d := plain; d.Train.N != 6 || d.Train.H != 3 || d.Train.W != 2 || d.Test.N != 4 || d.Test.Pixels[0] != 10 ||
		d.Test.Labels[1] != 1 || len(d.Info.Classes) != 2 {
		t.Errorf("read %+v", d)
	}
	if len(plain.Warnings) != 1 {
		t.Errorf("warnings %q, want one about the unknown checksum", plain.Warnings)
	}
	changed, err := Load(context.Background(), idxFolder(t, func(files map[string][]byte) { files[idxFiles[2]][20]++ }),
		Options{})
	if err != nil {
		t.Fatal(err)
	}
	if changed.SHA256 == plain.SHA256 {
		t.Error("another pixel in the test images gave the same checksum")
	}
}

func TestHostileIDXFoldersAreRefused(t *testing.T) {
	images, labels := idxFiles[0], idxFiles[1]
	for _, test := range []struct {
		name   string
		change func(map[string][]byte)
		want   string
	}{
		{"a missing file", func(f map[string][]byte) { delete(f, labels) }, labels},
		{"an empty file", func(f map[string][]byte) { f[images] = nil }, "header ends after 0 of 16 bytes"},
		{"a truncated header", func(f map[string][]byte) { f[images] = f[images][:15] },
			"header ends after 15 of 16 bytes"},
		{"another type of values", func(f map[string][]byte) { f[images][2] = 0x0d }, "starts with 00 00 0d 03"},
		{"labels where images should be", func(f map[string][]byte) { f[images] = f[labels] }, "idx: "},
		{"one byte too few", func(f map[string][]byte) { f[images] = f[images][:len(f[images])-1] },
			"ends after 35 of 36 bytes"},
		{"one byte too many", func(f map[string][]byte) { f[images] = append(f[images], 0) },
			"1 extra bytes after the 52 wanted"},
		{"four billion images", func(f map[string][]byte) { f[images] = idxBytes(nil, 1<<32-1, 28, 28) },
			"dimension 0 is 4294967295"},
		{"images of four billion rows", func(f map[string][]byte) { f[images] = idxBytes(nil, 1, 1<<32-1, 1) },
			"dimension 1 is 4294967295"},
		{"a product of a terabyte", func(f map[string][]byte) { f[images] = idxBytes(nil, 1<<20, 1024, 1024) },
			"more than 4294967296 bytes"},
		{"no images", func(f map[string][]byte) { f[images] = idxBytes(nil, 0, 3, 2) }, "dimension 0 is 0"},
		{"fewer labels than images", func(f map[string][]byte) { f[labels] = idxBytes([]byte{0, 1}, 2) },
			"6 images but 2 labels"},
		{"test images of another size", func(f map[string][]byte) {
			f[idxFiles[2]] = idxBytes(make([]byte, 4*4), 4, 2, 2)
		}, "training images are 3x2, test images 2x2"},
		{"truncated gzip", func(f map[string][]byte) { z := gzipped(f[images]); f[images] = z[:len(z)-9] },
			"unexpected EOF"},
		{"gzip with a flipped bit", func(f map[string][]byte) {
			z := gzipped(f[images])
			z[len(z)-7] ^= 1
			f[images] = z
		}, "gzip: invalid checksum"},
		{"a gzip bomb of images", func(f map[string][]byte) {
			delete(f, images)
			f[images+".gz"] = gzipped(idxBytes(make([]byte, 80<<20), 80<<10, 32, 32))
		}, "content has more than 67108864 bytes"},
		{"a gzip bomb after the images", func(f map[string][]byte) {
			f[images] = gzipped(append(f[images], make([]byte, 1<<24)...))
		}, "extra bytes after the 52 wanted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(context.Background(), idxFolder(t, test.change), Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// Published files must have the published size and checksum; the error has the size found and the size wanted.
func TestPublishedIDXFilesMustHaveTheirSizeAndChecksum(t *testing.T) {
	good := idxBytes([]byte{1, 2, 3, 4}, 4)
	sum := strings.Repeat("ab", 32)
	for _, test := range []struct {
		name string
		file []byte
		want string
	}{
		{"plain, one byte short", good[:len(good)-1], "11 bytes, want 12"},
		{"plain, one byte long", append(bytes.Clone(good), 0), "13 bytes, want 12"},
		{"plain, another checksum", good, "want " + sum},
		{"packed, one byte short", gzipped(good[:len(good)-1]), "ends after 3 of 4 bytes"},
		{"packed, one byte long", gzipped(append(bytes.Clone(good), 0)), "content has more than 12 bytes"},
		{"packed, truncated by one byte", gzipped(good)[:len(gzipped(good))-1],
			"want 12 bytes of content with sha256 " + sum},
		{"packed, another checksum", gzipped(good), "want " + sum},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "labels")
			if err := os.WriteFile(path, test.file, 0o644); err != nil {
				t.Fatal(err)
			}
			_, _, _, err := readIDXFile(context.Background(), path, "labels", 1,
				File{ContentSize: 12, ContentSHA256: sum})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// A file with the right name from a different set must not pass for the published one.
func TestNamedSetRefusesForeignFiles(t *testing.T) {
	_, err := Load(context.Background(), "mnist", Options{Dir: idxFolder(t, nil)})
	var size *sizeError
	if !errors.As(err, &size) || size.want != 47040016 {
		t.Errorf("error %v, want the size found and 47040016", err)
	}
}

func TestLoadStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Load(ctx, idxFolder(t, nil), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context canceled", err)
	}
}

func FuzzIDX(f *testing.F) {
	good := idxBytes(make([]byte, 2*3*2), 2, 3, 2)
	for _, seed := range [][]byte{nil, good, good[:len(good)-1], gzipped(good),
		idxBytes(nil, 1<<32-1, 1<<32-1, 1<<32-1), idxBytes(nil, 1<<24, 1, 1), gzipped(good)[:20]} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := newContentReader(context.Background(), bufio.NewReader(bytes.NewReader(b)), 1<<20)
		if err != nil {
			return
		}
		shape, data, err := readIDX(c, 3)
		if err == nil && len(data) != shape[0]*shape[1]*shape[2] {
			t.Errorf("%d bytes for shape %v", len(data), shape)
		}
		if n, _ := io.Copy(io.Discard, c); int64(len(data))+n > 1<<20 {
			t.Error("more was read than the limit")
		}
	})
}
