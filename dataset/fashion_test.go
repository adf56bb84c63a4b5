package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nasnet/dataset"
)

const debian = "/usr/share/datasets/fashion-mnist"

func load(t *testing.T, name string, o dataset.Options) *dataset.Data {
	t.Helper()
	d, err := dataset.Load(context.Background(), name, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestBuiltInImages(t *testing.T) {
	d := load(t, "fashion-mnist-10k", dataset.Options{})
	if d.Train.N != 8000 || d.Test.N != 2000 || d.Train.H != 28 || d.Train.W != 28 || d.Train.C != 1 {
		t.Fatalf("%d and %d images of %dx%dx%d", d.Train.N, d.Test.N, d.Train.H, d.Train.W, d.Train.C)
	}
	for _, part := range []struct {
		im   dataset.Images
		want int
	}{{d.Train, 800}, {d.Test, 200}} {
		n := map[int32]int{}
		for _, l := range part.im.Labels {
			n[l]++
		}
		for c := range int32(10) {
			if n[c] != part.want {
				t.Errorf("%d images of class %s, want %d", n[c], d.Info.Classes[c], part.want)
			}
		}
	}
	if !strings.Contains(d.Info.Notice, "2017 Zalando SE") || !strings.Contains(d.Info.Notice, "MIT License") {
		t.Error("the images have no copyright notice")
	}
	if m, s := float64(d.Mean[0]), float64(d.Std[0]); math.Abs(m-0.286) > 0.005 || math.Abs(s-0.353) > 0.005 {
		t.Errorf("mean %.4f and deviation %.4f; all of Fashion-MNIST has 0.2860 and 0.3530", m, s)
	}
	if len(d.Warnings) > 0 {
		t.Errorf("warnings: %q", d.Warnings)
	}
}

// Runs pin the checksum of their data: it must never change, nor depend on the size asked for.
func TestBuiltInChecksumIsStable(t *testing.T) {
	const want = "2f90ef138864d997227d50a70f87bc85549834f35ece6f1a9c71062cc9fc0924"
	for _, side := range []int{0, 16} {
		if got := load(t, "fashion-mnist-10k", dataset.Options{Image: side}).SHA256; got != want {
			t.Errorf("image %d: %s, want %s", side, got, want)
		}
	}
}

func TestImagesComeInTheSizeAskedFor(t *testing.T) {
	for _, side := range []int{8, 28, 32} {
		d := load(t, "fashion-mnist-10k", dataset.Options{Image: side})
		if d.Train.H != side || d.Train.W != side || d.Test.H != side || d.Info.Image != side ||
			len(d.Train.Pixels) != 8000*side*side {
			t.Errorf("asked for %d, got %dx%d", side, d.Train.H, d.Train.W)
		}
		if m := float64(d.Mean[0]); math.Abs(m-0.286) > 0.01 {
			t.Errorf("side %d: mean %.4f: resizing changed the brightness", side, m)
		}
	}
	for _, side := range []int{-1, 1025} {
		if _, err := dataset.Load(context.Background(), "fashion-mnist-10k", dataset.Options{Image: side}); err == nil {
			t.Errorf("side %d was accepted", side)
		}
	}
}

// nowhere empties the places where files are looked for, as far as a test can.
func nowhere(t *testing.T) {
	t.Helper()
	t.Setenv("NASNET_DATA", t.TempDir())
	t.Setenv("XDG_DATA_HOME", t.TempDir())
}

func TestMissingFilesNameTheCommandThatFetchesThem(t *testing.T) {
	nowhere(t)
	for _, s := range dataset.Sources {
		if len(s.Files) == 0 {
			continue
		}
		for _, dir := range []string{"", t.TempDir()} {
			if _, err := os.Stat(filepath.Join("/usr/share/datasets", s.Name)); err == nil && dir == "" {
				continue // this machine has them
			}
			_, err := dataset.Load(context.Background(), s.Name, dataset.Options{Dir: dir})
			if !errors.Is(err, dataset.ErrMissing) || !strings.Contains(err.Error(), "nasnet data get "+s.Name) {
				t.Errorf("%s: error %v, want the command", s.Name, err)
			}
			if s.Name == "fashion-mnist" && !strings.Contains(err.Error(), "--data fashion-mnist-10k") {
				t.Errorf("error %v, want a mention of the built-in images", err)
			}
		}
	}
}

func TestUnknownNameListsTheNames(t *testing.T) {
	_, err := dataset.Load(context.Background(), "fashion", dataset.Options{})
	if err == nil || !strings.Contains(err.Error(), `"fashion"`) ||
		!strings.Contains(err.Error(), "fashion-mnist-10k") {
		t.Errorf("error %v, want the names", err)
	}
}

func TestFullFashionMNIST(t *testing.T) {
	if _, err := os.Stat(debian); err != nil {
		t.Skip("Debian's package dataset-fashion-mnist is not installed:", err)
	}
	nowhere(t)
	d := load(t, "fashion-mnist", dataset.Options{})
	if d.Train.N != 60000 || d.Test.N != 10000 || len(d.Warnings) > 0 {
		t.Fatalf("%d and %d images, warnings %q", d.Train.N, d.Test.N, d.Warnings)
	}
	if m, s := float64(d.Mean[0]), float64(d.Std[0]); math.Abs(m-0.2860) > 5e-5 || math.Abs(s-0.3530) > 5e-5 {
		t.Errorf("mean %.5f and deviation %.5f, want 0.2860 and 0.3530", m, s)
	}
	if other := load(t, debian, dataset.Options{}); other.Info.Name != "fashion-mnist" || other.SHA256 != d.SHA256 {
		t.Errorf("the folder alone was taken for %s, %s", other.Info.Name, other.SHA256)
	}
	part := load(t, "fashion-mnist-10k", dataset.Options{})
	for _, p := range []struct {
		part, full dataset.Images
		each       int
	}{{part.Train, d.Train, 800}, {part.Test, d.Test, 200}} {
		taken, k := map[int32]int{}, 0
		for i, l := range p.full.Labels {
			if taken[l] == p.each {
				continue
			}
			taken[l]++
			if p.part.Labels[k] != l || !bytes.Equal(p.part.Pixels[k*784:(k+1)*784], p.full.Pixels[i*784:(i+1)*784]) {
				t.Fatalf("built-in image %d is not image %d of the files", k, i)
			}
			k++
		}
	}
	for _, st := range check(t, "fashion-mnist", debian) {
		if st.Status != dataset.StatusOK {
			t.Errorf("%+v", st)
		}
	}
}

func check(t *testing.T, name, dir string) []dataset.FileStatus {
	t.Helper()
	st, err := dataset.Check(context.Background(), name, dir)
	if err != nil {
		t.Fatal(err)
	}
	return st
}
