package dataset_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"nasnet/dataset"
)

// Every row of the table must pass, and so must every new one.
func TestSourcesConform(t *testing.T) {
	seen := map[string]bool{}
	hex := regexp.MustCompile(`^[0-9a-f]{64}$`)
	for _, s := range dataset.Sources {
		t.Run(s.Name, func(t *testing.T) {
			if seen[s.Name] || !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(s.Name) {
				t.Errorf("the name %q is in use or not plain", s.Name)
			}
			seen[s.Name] = true
			if s.Title == "" || s.License == "" || s.Info.Source == "" || s.Load == nil {
				t.Errorf("a field is empty: %+v", s.Info)
			}
			for _, f := range s.Files {
				if f.Name == "" || !strings.HasSuffix(f.URL, "/"+f.Name) || f.Size < 1 || !hex.MatchString(f.SHA256) {
					t.Errorf("file %+v", f)
				}
				if (f.ContentSize > 0) != hex.MatchString(f.ContentSHA256) {
					t.Errorf("file %+v: size and checksum of the content go together", f)
				}
			}
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			if _, err := dataset.Load(ctx, s.Name, dataset.Options{}); err == nil {
				t.Error("it loads although it was cancelled")
			}
			if len(s.Files) > 0 {
				if _, err := dataset.Load(context.Background(), s.Name,
					dataset.Options{Dir: t.TempDir()}); !errors.Is(err, dataset.ErrMissing) {
					t.Errorf("an empty folder gives %v", err)
				}
			}
			if !s.BuiltIn {
				return
			}
			d := load(t, s.Name, dataset.Options{Image: 12})
			info := d.Info
			if info.Name != s.Name || info.Image != 12 || d.Train.H != 12 || d.Train.N != info.TrainImages ||
				d.Test.N != info.TestImages || !hex.MatchString(d.SHA256) {
				t.Errorf("%+v with %d and %d images of side %d", info, d.Train.N, d.Test.N, d.Train.H)
			}
			if s.TrainImages != info.TrainImages || s.TestImages != info.TestImages || s.Channels != info.Channels {
				t.Errorf("promised %+v, loaded %+v", s.Info, info)
			}
			for _, im := range []dataset.Images{d.Train, d.Test} {
				if len(im.Pixels) != im.N*im.H*im.W*im.C || len(im.Labels) != im.N {
					t.Errorf("%d pixels and %d labels for %d images", len(im.Pixels), len(im.Labels), im.N)
				}
				for _, l := range im.Labels {
					if l < 0 || int(l) >= len(info.Classes) {
						t.Fatalf("label %d of %d classes", l, len(info.Classes))
					}
				}
			}
			if err := dataset.Get(context.Background(), s.Name, t.TempDir(), nil); err != nil {
				t.Errorf("get of a built-in set: %v", err)
			}
		})
	}
}

// Even a nearest-centroid classifier on raw pixels must learn it.
func TestSyntheticIsLearnable(t *testing.T) {
	d := load(t, "synthetic", dataset.Options{})
	size := d.Train.H * d.Train.W * d.Train.C
	centre := make([][]float64, 10)
	for c := range centre {
		centre[c] = make([]float64, size)
	}
	for i, l := range d.Train.Labels {
		for j, p := range d.Train.Pixels[i*size : (i+1)*size] {
			centre[l][j] += float64(p) / 200
		}
	}
	right := 0
	for i, l := range d.Test.Labels {
		best, bestAt := 1e18, int32(0)
		for c := range centre {
			dist := 0.0
			for j, p := range d.Test.Pixels[i*size : (i+1)*size] {
				dist += (float64(p) - centre[c][j]) * (float64(p) - centre[c][j])
			}
			if dist < best {
				best, bestAt = dist, int32(c)
			}
		}
		if bestAt == l {
			right++
		}
	}
	if right < d.Test.N*9/10 {
		t.Errorf("nearest centroid gets %d of %d right", right, d.Test.N)
	}
}

func TestSyntheticIsAFunctionOfItsConfig(t *testing.T) {
	const want = "e3ae147a75d66166ef32e5fcf69e71ee03dfc312dd01772322967942a3c9916d"
	if got := load(t, "synthetic", dataset.Options{}).SHA256; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if load(t, "synthetic", dataset.Options{Seed: 1}).SHA256 == want {
		t.Error("another seed gave the same images")
	}
	d, err := dataset.Synthetic(dataset.SyntheticConfig{Classes: 3, Train: 7, Test: 2, Image: 5, Channels: 1})
	if err != nil || d.Train.N != 7 || d.Test.N != 2 || d.Train.H != 5 || d.Train.C != 1 || len(d.Info.Classes) != 3 {
		t.Errorf("%v, %+v", err, d)
	}
	for _, c := range []dataset.SyntheticConfig{{Train: -1}, {Image: 5000}, {Channels: 9}, {Classes: -2}, {Classes: 1},
		{Classes: 3000}} {
		if _, err := dataset.Synthetic(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}
