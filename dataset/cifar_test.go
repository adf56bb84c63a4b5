package dataset

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tiny is CIFAR with 3 images in each of two training files and 2 in the test file; members are their contents.
func tiny(labelBytes int) (c *cifar, members map[string][]byte) { return tinyOf(labelBytes, 3) }

// tinyOf is tiny with the given number of images per training file, and one fewer in the test file if that leaves any.
func tinyOf(labelBytes, images int) (c *cifar, members map[string][]byte) {
	c = &cifar{labelBytes: labelBytes, folder: "tiny-bin"}
	c.info = Info{Name: "tiny", Classes: []string{"a", "b", "c"},
		Files: []File{{Name: "tiny.tar.gz", Size: 1, SHA256: "00"}}}
	members = map[string][]byte{}
	for i, name := range []string{"one.bin", "two.bin", "test.bin"} {
		n := max(1, images-i/2)
		var b []byte
		for r := range n {
			rec := make([]byte, labelBytes+3*cifarPlane)
			rec[0] = 19 // a coarse label, if there are two
			rec[labelBytes-1] = byte(r)
			for p := range cifarPlane {
				rec[labelBytes+p], rec[labelBytes+cifarPlane+p], rec[labelBytes+2*cifarPlane+p] = byte(p),
					byte(100*i+r), byte(p/32)
			}
			b = append(b, rec...)
		}
		sum := sha256.Sum256(b)
		f := File{Name: name, Size: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
		if i < 2 {
			c.train = append(c.train, f)
		} else {
			c.test = append(c.test, f)
		}
		members[name] = b
	}
	return c, members
}

type entry struct {
	name string
	kind byte
	body []byte
}

func archiveOf(entries ...entry) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Size: int64(len(e.body)), Mode: 0o644}
		if e.kind == tar.TypeSymlink || e.kind == tar.TypeLink {
			h.Linkname, h.Size = "/etc/passwd", 0
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
		if h.Size > 0 {
			w.Write(e.body)
		}
	}
	w.Close()
	return b.Bytes()
}

// regular lists the members as entries of a valid archive, in a different order from the files.
func regular(members map[string][]byte) []entry {
	e := []entry{{"tiny-bin/", tar.TypeDir, nil}, {"tiny-bin/readme.html", tar.TypeReg, []byte("hello")}}
	for _, n := range []string{"test.bin", "two.bin", "one.bin"} {
		e = append(e, entry{"tiny-bin/" + n, tar.TypeReg, members[n]})
	}
	return e
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCIFARReadsEveryFormAlike(t *testing.T) {
	for labelBytes := 1; labelBytes <= 2; labelBytes++ {
		c, members := tiny(labelBytes)
		packed := gzipped(archiveOf(regular(members)...))
		sums := map[string]bool{}
		for form, make := range map[string]func(dir string) string{
			"files in the folder": func(dir string) string {
				for n, b := range members {
					put(t, filepath.Join(dir, n), b)
				}
				return dir
			},
			"files in the archive's folder": func(dir string) string {
				for n, b := range members {
					put(t, filepath.Join(dir, "tiny-bin", n), b)
				}
				return dir
			},
			"the archive in the folder": func(dir string) string {
				put(t, filepath.Join(dir, "tiny.tar.gz"), packed)
				return dir
			},
			"the archive itself": func(dir string) string {
				p := filepath.Join(dir, "x.tar.gz")
				put(t, p, packed)
				return p
			},
			"the archive not compressed": func(dir string) string {
				put(t, filepath.Join(dir, "tiny.tar.gz"), archiveOf(regular(members)...))
				return dir
			},
		} {
			d, err := c.load(context.Background(), Options{Dir: make(t.TempDir())})
			if err != nil {
				t.Fatalf("%s: %v", form, err)
			}
			if d.Train.N != 6 || d.Test.N != 2 || len(d.Warnings) > 0 {
				t.Fatalf("%s: %d and %d images, warnings %q", form, d.Train.N, d.Test.N, d.Warnings)
			}
			for n, want := range []int32{0, 1, 2, 0, 1, 2} {
				at := d.Train.Pixels[(n*cifarPlane+33)*3:] // row 1, column 1
				if d.Train.Labels[n] != want || at[0] != 33 || at[1] != byte(100*(n/3)+n%3) || at[2] != 1 {
					t.Errorf("%s: image %d has label %d and pixel %v", form, n, d.Train.Labels[n], at[:3])
				}
			}
			if d.Test.Labels[1] != 1 || d.Test.Pixels[1] != 200 {
				t.Errorf("%s: test images have labels %v, first green %d", form, d.Test.Labels, d.Test.Pixels[1])
			}
			sums[d.SHA256] = true
		}
		if len(sums) != 1 {
			t.Errorf("the same images have %d checksums", len(sums))
		}
	}
}

func TestAnotherEditionOfCIFARIsAcceptedWithAWarning(t *testing.T) {
	c, members := tiny(1)
	members["two.bin"][5]++
	d, err := c.load(context.Background(), Options{Dir: folderOf(t, members)})
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "two.bin") ||
		!strings.Contains(d.Warnings[0], c.train[1].SHA256) {
		t.Errorf("warnings %q, want one that names two.bin and its checksum", d.Warnings)
	}
}

func folderOf(t *testing.T, members map[string][]byte) string {
	dir := t.TempDir()
	for n, b := range members {
		put(t, filepath.Join(dir, n), b)
	}
	return dir
}

func TestHostileCIFARFoldersAreRefused(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(dir string, members map[string][]byte)
		want   string
	}{
		{"one byte short", func(dir string, m map[string][]byte) { put(t, dir+"/two.bin", m["two.bin"][1:]) },
			"two.bin: 9218 bytes, want 9219"},
		{"one byte longer", func(dir string, m map[string][]byte) { put(t, dir+"/two.bin", append(m["two.bin"], 0)) },
			"two.bin: 9220 bytes, want 9219"},
		{"a missing file", func(dir string, _ map[string][]byte) { os.Remove(dir + "/test.bin") },
			"test.bin: files not found"},
		{"a folder instead of a file", func(dir string, _ map[string][]byte) {
			os.Remove(dir + "/two.bin")
			os.Mkdir(dir+"/two.bin", 0o755)
		}, "two.bin: not a regular file"},
		{"a label too large", func(dir string, m map[string][]byte) {
			m["two.bin"][3073] = 3
			put(t, dir+"/two.bin", m["two.bin"])
		}, "two.bin: record 1 has label 3, want 0 to 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, members := tiny(1)
			dir := folderOf(t, members)
			test.change(dir, members)
			_, err := c.load(context.Background(), Options{Dir: dir})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestHostileArchivesAreRefused(t *testing.T) {
	replace := func(name string, with ...entry) func([]entry) []entry {
		return func(es []entry) (out []entry) {
			for _, e := range es {
				if e.name == name {
					out = append(out, with...)
				} else {
					out = append(out, e)
				}
			}
			return out
		}
	}
	many := func(es []entry) []entry {
		for range maxEntries {
			es = append(es, entry{"tiny-bin/x", tar.TypeReg, nil})
		}
		return es
	}
	one := "tiny-bin/one.bin"
	for _, test := range []struct {
		name    string
		entries func([]entry) []entry
		pack    func([]byte) []byte
		want    string
	}{
		{"a missing member", replace(one), nil, "one.bin is not in the archive"},
		{"a member too small", replace(one, entry{one, tar.TypeReg, []byte("short")}), nil, "5 bytes, want 9219"},
		{"a member that is a symbolic link", replace(one, entry{one, tar.TypeSymlink, nil}), nil, "not a regular file"},
		{"a member that is a hard link", replace(one, entry{one, tar.TypeLink, nil}), nil, "not a regular file"},
		{"a member that is a device", replace(one, entry{one, tar.TypeChar, nil}), nil, "not a regular file"},
		{"a member twice", func(es []entry) []entry { return append(es, es[len(es)-1]) }, nil, "occurs twice"},
		{"a name that climbs out", func(es []entry) []entry {
			return append(es, entry{"../../one.bin", tar.TypeReg, nil})
		}, nil, "leads out of the archive"},
		{"an absolute name", func(es []entry) []entry { return append(es, entry{"/tmp/x", tar.TypeReg, nil}) }, nil,
			"leads out of the archive"},
		{"too many entries", many, nil, "more than 64 entries"},
		{"an entry that unpacks to 64 MB of zeros", func(es []entry) []entry {
			return append([]entry{{"tiny-bin/bomb", tar.TypeReg, make([]byte, 64<<20)}}, es...)
		}, nil, "content has more than"},
		{"zeros after the archive", nil, func(b []byte) []byte { return gzipped(append(b, make([]byte, 64<<20)...)) },
			"content has more than"},
		{"one byte short", nil, func(b []byte) []byte { z := gzipped(b); return z[:len(z)-1] }, "unexpected EOF"},
		{"cut in the middle", nil, func(b []byte) []byte { z := gzipped(b); return z[:len(z)/2] }, "unexpected EOF"},
		{"a flipped bit in the gzip checksum", nil,
			func(b []byte) []byte { z := gzipped(b); z[len(z)-8] ^= 1; return z }, "gzip: invalid checksum"},
		{"not an archive", nil, func([]byte) []byte { return []byte(strings.Repeat("<html>", 1000)) }, "tar"},
		{"empty", nil, func([]byte) []byte { return nil }, "one.bin is not in the archive"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, members := tiny(1)
			entries := regular(members)
			if test.entries != nil {
				entries = test.entries(entries)
			}
			pack := test.pack
			if pack == nil {
				pack = gzipped
			}
			path := filepath.Join(t.TempDir(), "tiny.tar.gz")
			put(t, path, pack(archiveOf(entries...)))
			_, err := c.load(context.Background(), Options{Dir: path})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Fatalf("error %v, want one with %q and the file's name", err, test.want)
			}
			if !strings.Contains(err.Error(), "bytes, want 1; sha256 00") {
				t.Errorf("error %v, want also the archive's size found and wanted", err)
			}
		})
	}
}

// The real sizes: files of zeros that take no space on disk.
func TestCIFARFoldersAreRecognised(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 370 MB")
	}
	for _, c := range []*cifar{&cifar10, &cifar100} {
		dir := t.TempDir()
		for _, m := range c.members() {
			put(t, filepath.Join(dir, m.Name), nil)
			if err := os.Truncate(filepath.Join(dir, m.Name), m.Size); err != nil {
				t.Fatal(err)
			}
		}
		d, err := Load(context.Background(), dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Info.Name != c.info.Name || d.Train.N != 50000 || d.Test.N != 10000 ||
			len(d.Warnings) != len(c.members()) || d.Std[0] != 1 {
			t.Errorf("%s: %d and %d images, %d warnings, deviations %v", d.Info.Name, d.Train.N, d.Test.N,
				len(d.Warnings), d.Std)
		}
		first := filepath.Join(dir, c.train[0].Name)
		if err := os.Truncate(first, c.train[0].Size-1); err != nil {
			t.Fatal(err)
		}
		_, err = Load(context.Background(), c.info.Name, Options{Dir: dir})
		if size := new(sizeError); !errors.As(err, &size) || size.got != c.train[0].Size-1 ||
			!strings.Contains(err.Error(), first) {
			t.Errorf("error %v, want sizes and the name of the file", err)
		}
	}
}

func TestCheckHoldsUnpackedCIFARFilesAgainstTheirOwnChecksums(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "cifar-100-binary", "train.bin"), []byte("short"))
	put(t, filepath.Join(dir, "cifar-100-binary", "test.bin"), nil)
	if err := os.Truncate(filepath.Join(dir, "cifar-100-binary", "test.bin"), cifar100.test[0].Size); err != nil {
		t.Fatal(err)
	}
	st, err := Check(context.Background(), "cifar100", dir)
	if err != nil || len(st) != 2 || st[0].Status != StatusSize || st[1].Status != StatusChecksum ||
		!strings.Contains(st[1].Detail, cifar100.test[0].SHA256) {
		t.Errorf("%v, %+v", err, st)
	}
}

// Whatever the archive, it is refused, or every member had its size and every label is one of the classes.
func FuzzCIFARArchive(f *testing.F) {
	c, members := tinyOf(1, 1)
	good := archiveOf(regular(members)...)
	link := regular(members)
	link[3].kind = tar.TypeSymlink
	for _, b := range [][]byte{nil, good, good[:5000], archiveOf(link...), archiveOf(entry{"../x", tar.TypeReg, nil}),
		{0x1f, 0x8b, 8}, gzipped(good)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rd, err := c.reader()
		if err != nil {
			t.Fatal(err)
		}
		if err := rd.tar(context.Background(), bytes.NewReader(b)); err != nil {
			return
		}
		for i, got := range rd.contents {
			if m := rd.members()[i]; got.name != m.Name || got.size != m.Size {
				t.Fatalf("accepted with %+v for %+v", got, m)
			}
		}
		for _, l := range slices.Concat(rd.data.Train.Labels, rd.data.Test.Labels) {
			if l < 0 || int(l) >= len(c.info.Classes) {
				t.Fatalf("label %d", l)
			}
		}
	})
}

// Whatever its records, a plain file is refused, or every image has the three planes of its record.
func FuzzCIFARFile(f *testing.F) {
	c, members := tinyOf(2, 1)
	f.Add(members["one.bin"])
	f.Add(members["one.bin"][1:])
	f.Add(append(bytes.Clone(members["one.bin"]), 0))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		rd, err := c.reader()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "one.bin")
		put(t, path, b)
		if err := rd.file(context.Background(), path, 0); err != nil {
			if len(b) == int(c.record()) && int(b[1]) < len(c.info.Classes) {
				t.Fatal(err)
			}
			return
		}
		if len(b) != int(c.record()) || int(rd.data.Train.Labels[0]) != int(b[1]) {
			t.Fatalf("%d bytes with label %d were read", len(b), b[1])
		}
		for i := range 3 * cifarPlane {
			if rd.data.Train.Pixels[i] != b[2+i%3*cifarPlane+i/3] {
				t.Fatalf("value %d is %d", i, rd.data.Train.Pixels[i])
			}
		}
	})
}
