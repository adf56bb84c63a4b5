package dataset

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

func pngOf(img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func jpegOf(img image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func plainColour(w, h int, c color.Color) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, c)
		}
	}
	return img
}

func grey(w, h int, v uint8) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = v
	}
	return img
}

func grey16(side int, v uint16) *image.Gray16 {
	img := image.NewGray16(image.Rect(0, 0, side, side))
	for i := range side * side {
		img.SetGray16(i%side, i/side, color.Gray16{Y: v})
	}
	return img
}

// pngHeader is a PNG that claims a size and has no data.
func pngHeader(w, h uint32) []byte {
	ihdr := binary.BigEndian.AppendUint32([]byte("IHDR"), w)
	ihdr = binary.BigEndian.AppendUint32(ihdr, h)
	ihdr = append(ihdr, 8, 6, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	return binary.BigEndian.AppendUint32(append(b, ihdr...), crc32.ChecksumIEEE(ihdr))
}

// manyScans adds n copies of the last scan to a JPEG.
func manyScans(b []byte, n int) []byte {
	scan := b[bytes.Index(b, []byte(startOfScan)) : len(b)-2]
	return slices.Concat(b[:len(b)-2], bytes.Repeat(scan, n), b[len(b)-2:])
}

func tree(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range files {
		put(t, filepath.Join(dir, name), b)
	}
	return dir
}

// twoClasses is 10 red and 5 blue images of 8x8.
func twoClasses() map[string][]byte {
	files := map[string][]byte{}
	for i := range 10 {
		files[fmt.Sprintf("red/%02d.png", i)] = pngOf(plainColour(8, 8, color.NRGBA{255, uint8(i), 0, 255}))
	}
	for i := range 5 {
		files[fmt.Sprintf("blue/deeper/%02d.JPG", i)] = jpegOf(plainColour(8, 8, color.NRGBA{0, 0, 255, 255}))
	}
	return files
}

func TestFolderOfClasses(t *testing.T) {
	files := twoClasses()
	files["red/notes.txt"] = []byte("not an image")
	files["red/.hidden.png"] = []byte("not an image either")
	files[".git/x/a.png"] = []byte("nor this")
	files["red/.thumbnails/00.png"] = files["red/00.png"]
	dir := tree(t, files)
	d, err := Load(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(d.Info.Classes, []string{"blue", "red"}) || d.Train.N != 12 || d.Test.N != 3 || d.Train.H != 8 ||
		d.Train.C != 3 || d.Skipped != 0 {
		t.Fatalf("classes %q, %d and %d images of %dx%d, %d skipped", d.Info.Classes, d.Train.N, d.Test.N, d.Train.H,
			d.Train.C, d.Skipped)
	}
	counts := map[int32]int{}
	for i, l := range d.Test.Labels {
		counts[l]++
		p := d.Test.Pixels[i*8*8*3:]
		if red := p[0] > 200 && p[2] < 50; red != (l == 1) {
			t.Errorf("test image %d of class %s begins with %v", i, d.Info.Classes[l], p[:3])
		}
	}
	if counts[0] != 1 || counts[1] != 2 {
		t.Errorf("test part has %v of the classes, want a fifth of each", counts)
	}
	again, err := Load(context.Background(), dir, Options{})
	if err != nil || again.SHA256 != d.SHA256 || !bytes.Equal(again.Train.Pixels, d.Train.Pixels) {
		t.Errorf("the second time it is %v, %v", again.SHA256, err)
	}
	if _, err := Load(context.Background(), "folder", Options{Dir: dir}); err != nil {
		t.Errorf("by name and Dir: %v", err)
	}
	put(t, filepath.Join(dir, "red/00.png"), pngOf(plainColour(8, 8, color.NRGBA{254, 0, 0, 255})))
	if changed, err := Load(context.Background(), dir, Options{}); err != nil || changed.SHA256 == d.SHA256 {
		t.Errorf("another pixel gave the same checksum, %v", err)
	}
}

// What a survey reports about a folder must match its images.
func TestASurveyMatchesWhatIsLoaded(t *testing.T) {
	whole := twoClasses()
	broken := twoClasses()
	broken["red/01.png"] = []byte("no image")
	grey := map[string][]byte{"a/1.png": pngOf(grey(4, 4, 1)), "b/1.png": pngOf(grey(4, 4, 2))}
	for _, files := range []map[string][]byte{whole, broken, grey} {
		for _, side := range []int{0, 16} {
			dir := tree(t, files)
			got, err := Survey(context.Background(), dir, Options{Image: side})
			if err != nil {
				t.Fatal(err)
			}
			if d, err := Load(context.Background(), dir, Options{Image: side}); err != nil ||
				!reflect.DeepEqual(got, d.Info) {
				t.Errorf("surveyed %+v, loaded %+v, %v", got, d.Info, err)
			}
		}
	}
	if _, err := Survey(context.Background(), "./no/such/folder", Options{}); err == nil ||
		!strings.Contains(err.Error(), "./no/such/folder") {
		t.Errorf("error %v, want the name", err)
	}
	if got, err := Survey(context.Background(), "cifar100", Options{Image: 16}); err != nil ||
		got.TrainImages != 50_000 || len(got.Classes) != 100 || got.Image != 16 {
		t.Errorf("a published set is %+v, %v; want no need for its files", got, err)
	}
}

func TestFolderWithPartsStaysAsItIs(t *testing.T) {
	for _, part := range []string{"test", "val", "valid"} {
		d, err := Load(context.Background(), tree(t, map[string][]byte{
			"train/a/1.png": pngOf(grey(4, 4, 10)), "train/a/2.png": pngOf(grey(4, 4, 20)),
			"train/b/1.png":   pngOf(grey(4, 4, 30)),
			part + "/b/9.png": pngOf(grey(4, 4, 99)),
		}), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Train.N != 3 || d.Test.N != 1 || d.Train.C != 1 || d.Test.Labels[0] != 1 || d.Test.Pixels[0] != 99 ||
			d.Train.Pixels[2*16] != 30 {
			t.Errorf("%s: %+v and %+v", part, d.Train, d.Test)
		}
	}
}

func TestFolderImagesTakeOneShape(t *testing.T) {
	wide := plainColour(12, 4, color.NRGBA{0, 200, 0, 255}) // the middle square, columns 4 to 7, is red
	for y := range 4 {
		for x := 4; x < 8; x++ {
			wide.Set(x, y, color.NRGBA{200, 0, 0, 255})
		}
	}
	offset := image.NewRGBA(image.Rect(5, 7, 9, 11)) // bounds that do not begin at 0
	for i := range offset.Pix {
		offset.Pix[i] = 200
	}
	for _, test := range []struct {
		name     string
		img      []byte
		image    int
		side     int
		channels int
		first    []uint8
	}{
		{"a wide image is cropped to its middle", pngOf(wide), 4, 4, 3, []uint8{200, 0, 0}},
		{"images of many sizes become 32x32", pngOf(wide), 0, 32, 3, []uint8{200, 0, 0}},
		{"squares of one side keep it", pngOf(grey(6, 6, 77)), 0, 6, 1, []uint8{77}},
		{"squares take the side asked for", pngOf(grey(6, 6, 77)), 9, 9, 1, []uint8{77}},
		{"sixteen bits per channel become eight", pngOf(grey16(5, 0x8fff)), 0, 5, 1, []uint8{0x8f}},
		{"transparent parts are black", pngOf(plainColour(5, 5, color.NRGBA{255, 255, 255, 0})), 0, 5, 3,
			[]uint8{0, 0, 0}},
		{"a grey JPEG is grey", jpegOf(grey(8, 8, 50)), 0, 8, 1, []uint8{50}},
		{"a palette is colour", pngOf(image.NewPaletted(image.Rect(0, 0, 3, 3),
			color.Palette{color.RGBA{1, 2, 3, 255}})), 0, 3, 3, []uint8{1, 2, 3}},
		{"an offset does not matter", pngOf(offset), 0, 4, 3, []uint8{200, 200, 200}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := Load(context.Background(), tree(t, map[string][]byte{"a/1.png": test.img, "b/1.png": test.img}),
				Options{Image: test.image})
			if err != nil {
				t.Fatal(err)
			}
			if d.Train.H != test.side || d.Train.W != test.side || d.Train.C != test.channels {
				t.Fatalf("%dx%dx%d, want %dx%dx%d", d.Train.H, d.Train.W, d.Train.C, test.side, test.side,
					test.channels)
			}
			if got := d.Train.Pixels[:test.channels]; !slices.Equal(got, test.first) {
				t.Errorf("first pixel %v, want %v", got, test.first)
			}
		})
	}
}

func TestBrokenImagesAreSkippedUpToALimit(t *testing.T) {
	broken := map[string][]byte{
		"an empty file":                 nil,
		"a text":                        []byte("hello"),
		"a truncated PNG":               pngOf(plainColour(8, 8, color.White))[:60],
		"a truncated JPEG":              jpegOf(plainColour(8, 8, color.White))[:100],
		"a header of 65535x65535":       pngHeader(65535, 65535),
		"a header of 2^31 x 2^31":       pngHeader(1<<31-1, 1<<31-1),
		"a header just above the limit": pngHeader(4097, 4096),
		"a header without data":         pngHeader(4096, 4096),
		"a JPEG of very many scans":     manyScans(jpegOf(plainColour(8, 8, color.NRGBA{255, 0, 0, 255})), maxScans),
	}
	for name, b := range broken {
		for _, limit := range []int{0, 1, -1} {
			files := twoClasses()
			files["red/05.png"] = b
			d, err := Load(context.Background(), tree(t, files), Options{MaxBroken: limit})
			if limit < 0 {
				if err == nil || !strings.Contains(err.Error(), "red/05.png") {
					t.Errorf("%s, none tolerated: error %v, want one that names the file", name, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if d.Skipped != 1 || len(d.Warnings) != 1 || !strings.Contains(d.Warnings[0], "red/05.png") ||
				d.Train.N+d.Test.N != 14 {
				t.Errorf("%s: %d skipped, warnings %q, %d images", name, d.Skipped, d.Warnings, d.Train.N+d.Test.N)
			}
			for i, l := range d.Train.Labels {
				if p := d.Train.Pixels[i*d.Train.H*d.Train.W*3:]; (p[0] > 200) != (l == 1) {
					t.Fatalf("%s: image %d of class %d begins with %v: labels and images no longer match",
						name, i, l, p[:3])
				}
			}
		}
	}
	files := twoClasses()
	for i := range 4 {
		files[fmt.Sprintf("red/%02d.png", i)] = []byte("broken")
	}
	if _, err := Load(context.Background(), tree(t, files), Options{MaxBroken: 3}); err == nil ||
		!strings.Contains(err.Error(), "4 broken images, want at most 3") {
		t.Errorf("error %v, want the count and the limit", err)
	}
	if d, err := Load(context.Background(), tree(t, files), Options{MaxBroken: 4}); err != nil || d.Skipped != 4 {
		t.Errorf("four of four: %v", err)
	}
}

func TestFoldersThatAreNotADataSetAreRefused(t *testing.T) {
	one := pngOf(grey(4, 4, 1))
	for _, test := range []struct {
		name  string
		files map[string][]byte
		want  string
	}{
		{"empty", nil, "has 0 class folders"},
		{"images without classes", map[string][]byte{"1.png": one}, "has 0 class folders"},
		{"one class", map[string][]byte{"a/1.png": one}, "has 1 class folders"},
		{"classes without images", map[string][]byte{"a/x": nil, "b/y": nil},
			"no PNG or JPEG file in its class folders (a, b)"},
		{"training without test", map[string][]byte{"train/a/1.png": one, "train/b/1.png": one},
			"want a folder test, val or valid"},
		{"a class only in the test", map[string][]byte{"train/a/1.png": one, "train/b/1.png": one, "test/c/1.png": one},
			`test has a class "c" that train lacks`},
		{"an empty test part", map[string][]byte{"train/a/1.png": one, "train/b/1.png": one, "test/x.txt": nil},
			"test: no PNG or JPEG file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(context.Background(), tree(t, test.files), Options{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
	if _, err := Load(context.Background(), "./no/such/folder", Options{}); err == nil ||
		!strings.Contains(err.Error(), "./no/such/folder") {
		t.Errorf("error %v, want the name", err)
	}
	if _, err := Load(context.Background(), "folder", Options{}); err == nil ||
		!strings.Contains(err.Error(), "--data ./photos") {
		t.Errorf("error %v, want an example", err)
	}
}

func TestLinksDoNotLeadOutOfTheFolder(t *testing.T) {
	outside := tree(t, map[string][]byte{"secret.png": pngOf(grey(8, 8, 9))})
	files := twoClasses()
	dir := tree(t, files)
	if err := os.Symlink(filepath.Join(outside, "secret.png"), filepath.Join(dir, "red/99.png")); err != nil {
		t.Skip("no links here:", err)
	}
	d, err := Load(context.Background(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Skipped != 1 || !strings.Contains(d.Warnings[0], "red/99.png") {
		t.Errorf("%d skipped, warnings %q", d.Skipped, d.Warnings)
	}
}

func TestFolderTooLargeForMemoryIsRefusedBeforeDecoding(t *testing.T) {
	l := &folderLoader{side: maxSide, channels: 3}
	if _, err := l.place(make([]*imageFile, 0)); err != nil {
		t.Error(err)
	}
	many := slices.Repeat([]*imageFile{{}}, maxPixels/(maxSide*maxSide*3)+1)
	if _, err := l.place(many); err == nil || !strings.Contains(err.Error(), "smaller image side") {
		t.Errorf("error %v", err)
	}
}

// A folder with two files of any content is refused with the folder's name, or what was loaded fits together.
func FuzzFolder(f *testing.F) {
	img := plainColour(9, 7, color.NRGBA{1, 2, 3, 200})
	for _, b := range [][]byte{pngOf(img), jpegOf(img), pngOf(grey(3, 3, 1)), pngHeader(65535, 65535), nil,
		pngOf(img)[:50]} {
		f.Add("cat", b, pngOf(img), uint8(0))
		f.Add("train", jpegOf(img), b, uint8(5))
	}
	f.Add("\x1b[2J", pngOf(img), jpegOf(img), uint8(255))
	f.Fuzz(func(t *testing.T, class string, a, b []byte, side uint8) {
		if !fs.ValidPath(class) || class == "." || strings.ContainsAny(class, "/\x00") || len(class) > 200 ||
			class == "other" {
			t.Skip()
		}
		dir := tree(t, map[string][]byte{class + "/1.png": a, class + "/x/2.png": b, "other/1.jpg": b})
		d, err := Load(context.Background(), dir, Options{Image: int(side)})
		if err != nil {
			if !strings.Contains(err.Error(), "dataset: ") {
				t.Errorf("error %q", err)
			}
			return
		}
		for _, im := range []Images{d.Train, d.Test} {
			if len(im.Pixels) != im.N*im.H*im.W*im.C || len(im.Labels) != im.N ||
				im.N > 0 && (side > 0 && im.H != int(side) || im.H != im.W) {
				t.Fatalf("%d images of %dx%dx%d, %d pixels and %d labels", im.N, im.H, im.W, im.C, len(im.Pixels),
					len(im.Labels))
			}
			for _, l := range im.Labels {
				if l < 0 || int(l) >= len(d.Info.Classes) {
					t.Fatalf("label %d of %q", l, d.Info.Classes)
				}
			}
		}
		if d.Skipped != len(d.Warnings) || d.Train.N+d.Test.N+d.Skipped != 3 || len(d.Mean) != d.Train.C ||
			!(d.Std[0] > 0) {
			t.Fatalf("%d + %d images, %d skipped, warnings %q, mean %v, deviation %v", d.Train.N, d.Test.N, d.Skipped,
				d.Warnings, d.Mean, d.Std)
		}
	})
}

func FuzzImage(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	img := image.NewNRGBA(image.Rect(0, 0, 9, 7))
	for i := range img.Pix {
		img.Pix[i] = uint8(r.IntN(256))
	}
	for _, b := range [][]byte{pngOf(img), jpegOf(img), pngOf(grey(3, 3, 1)), pngHeader(65535, 65535),
		pngHeader(4096, 4096), nil, pngOf(img)[:50], jpegOf(img)[:200]} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for channels := 1; channels <= 3; channels += 2 {
			dst := make([]uint8, 8*8*channels)
			_ = decodeImage(dst, b, 8, channels)
		}
	})
}

func TestReadImageConvertsAnyImage(t *testing.T) {
	dir := t.TempDir()
	wide := plainColour(40, 10, color.NRGBA{0, 200, 0, 255}) // the middle square is orange
	for y := range 10 {
		for x := 15; x < 25; x++ {
			wide.Set(x, y, color.NRGBA{200, 100, 50, 255})
		}
	}
	for name, c := range map[string]struct {
		file           []byte
		side, channels int
		want           []uint8
	}{
		"colour":                  {pngOf(wide), 5, 3, []uint8{200, 100, 50}},
		"colour as brightness":    {pngOf(wide), 5, 1, []uint8{124}}, // 0.299*200 + 0.587*100 + 0.114*50 = 124.2
		"grey":                    {pngOf(grey(6, 9, 77)), 12, 1, []uint8{77}},
		"grey as colour":          {pngOf(grey(6, 9, 77)), 12, 3, []uint8{77, 77, 77}},
		"white as brightness":     {pngOf(plainColour(3, 3, color.White)), 3, 1, []uint8{255}},
		"16 bits":                 {pngOf(grey16(5, 0x8fff)), 5, 1, []uint8{0x8f}},
		"a JPEG":                  {jpegOf(grey(8, 8, 50)), 1024, 1, []uint8{50}},
		"transparent is black":    {pngOf(plainColour(5, 5, color.NRGBA{255, 255, 255, 0})), 5, 1, []uint8{0}},
		"one pixel":               {pngOf(grey(1, 1, 9)), 4, 3, []uint8{9, 9, 9}},
		"one pixel in one column": {pngOf(grey(1, 4000, 9)), 2, 1, []uint8{9}},
	} {
		path := filepath.Join(dir, "x")
		put(t, path, c.file)
		got, err := ReadImage(path, c.side, c.channels)
		if err != nil || !slices.Equal(got, slices.Repeat(c.want, c.side*c.side)) {
			t.Errorf("%s: %d values beginning with %v, %v; want all %v", name, len(got),
				got[:min(3, len(got))], err, c.want)
		}
	}
	huge := filepath.Join(dir, "huge")
	put(t, huge, nil)
	if err := os.Truncate(huge, maxImageBytes+1); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "bomb"), pngHeader(65535, 65535))
	put(t, filepath.Join(dir, "text"), []byte("hello"))
	for _, c := range []struct {
		file           string
		side, channels int
		want           string
	}{
		{huge, 8, 1, "67108865 bytes, want at most 67108864"},
		{filepath.Join(dir, "bomb"), 8, 1, "65535x65535 pixels, want at most"},
		{filepath.Join(dir, "text"), 8, 1, "unknown format"},
		{filepath.Join(dir, "nosuch"), 8, 1, "no such file"},
		{dir, 8, 1, "not a regular file"},
		{os.DevNull, 8, 1, "not a regular file"},
		{huge, 0, 1, "a side of 1 to 1024"},
		{huge, 8, 2, "1 or 3 channels"},
	} {
		if _, err := ReadImage(c.file, c.side, c.channels); err == nil || !strings.Contains(err.Error(), c.want) ||
			!strings.HasPrefix(err.Error(), "dataset: ") {
			t.Errorf("%s at %d with %d channels: error %v, want one with %q", c.file, c.side, c.channels, err, c.want)
		}
	}
}

// asked counts how often a caller's context is asked for its error.
type asked struct {
	context.Context
	times *atomic.Int64
}

func (a asked) Err() error {
	a.times.Add(1)
	return a.Context.Err()
}

// A caller that watches the reading of a large folder sees progress.
func TestReadingAFolderAsksItsCallerAtEveryImage(t *testing.T) {
	files := map[string][]byte{}
	for i := range 20 {
		files[fmt.Sprintf("red/%02d.png", i)] = pngOf(grey(4, 4, uint8(i)))
		files[fmt.Sprintf("blue/%02d.png", i)] = pngOf(grey(4, 4, uint8(100+i)))
	}
	dir := tree(t, files)
	var times atomic.Int64
	if _, err := Load(asked{t.Context(), &times}, dir, Options{}); err != nil || times.Load() < 80 {
		t.Errorf("asked %d times for 40 images that are opened twice (error %v)", times.Load(), err)
	}
}
