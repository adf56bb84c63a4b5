package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// ErrMissing is wrapped by the errors of [Load] that a download would fix.
var ErrMissing = errors.New("files not found")

// Load reads a data set: a name of [Sources], a folder or a CIFAR archive. For a folder its contents decide: IDX files,
// CIFAR's binary files, or class sub-folders with PNG and JPEG images.
//
// A file of the wrong size is refused with the size found and the size wanted. If the size is right but the checksum
// was never published, that depends. Under the names fashion-mnist and mnist the file is refused, because other sets
// use the same file names and sizes. For CIFAR, which circulates in re-encoded editions, and for a folder of IDX files
// it is accepted with a warning in Data.Warnings.
func Load(ctx context.Context, nameOrDir string, o Options) (*Data, error) {
	s, err := sourceFor(nameOrDir, &o)
	if err != nil {
		return nil, fmt.Errorf("dataset: %w", err)
	}
	d, err := s.Load(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", s.Name, err)
	}
	return d, nil
}

// Survey reports what [Load] would find, mostly without reading it: for a named set what is published, and for a folder
// of images what its listing and the headers of its files tell; images that prove broken later still count. IDX files
// other than the published ones are read.
func Survey(ctx context.Context, nameOrDir string, o Options) (Info, error) {
	s, err := sourceFor(nameOrDir, &o)
	if err != nil {
		return Info{}, fmt.Errorf("dataset: %w", err)
	}
	info := s.Info
	switch {
	case info.TrainImages > 0:
		if o.Image > 0 {
			info.Image = o.Image
		}
	case info.Title == folderInfo.Title:
		info, err = surveyFolder(ctx, o)
	default:
		d, err := Load(ctx, nameOrDir, o)
		if err != nil {
			return Info{}, err
		}
		info = d.Info
	}
	if err != nil {
		return Info{}, fmt.Errorf("dataset: %s: %w", s.Name, err)
	}
	return info, nil
}

// Lookup returns a source by name.
func Lookup(name string) (Source, error) {
	for _, s := range Sources {
		if s.Name == name {
			return s, nil
		}
	}
	return Source{}, fmt.Errorf("unknown data set %q\nwant one of %s, or a folder of images", name,
		strings.Join(Names(), ", "))
}

// Names lists the sources in the order of the table.
func Names() []string {
	var names []string
	for _, s := range Sources {
		names = append(names, s.Name)
	}
	return names
}

// Absolute makes an existing path absolute; names of [Sources] are unchanged.
func Absolute(nameOrDir string) string {
	if _, err := Lookup(nameOrDir); err == nil {
		return nameOrDir
	}
	if _, err := os.Stat(nameOrDir); err != nil {
		return nameOrDir
	}
	path, err := filepath.Abs(nameOrDir)
	if err != nil {
		return nameOrDir
	}
	return path
}

// sourceFor decides who reads nameOrDir and at which side; for a path it sets o.Dir.
func sourceFor(nameOrDir string, o *Options) (Source, error) {
	if o.Image < 0 || o.Image > maxSide {
		return Source{}, fmt.Errorf("image side is %d; want 1 to %d, or 0 for the images' own", o.Image, maxSide)
	}
	s, unknown := Lookup(nameOrDir)
	if unknown == nil {
		return s, nil
	}
	st, err := os.Stat(nameOrDir)
	if err != nil {
		if strings.ContainsRune(nameOrDir, filepath.Separator) {
			return Source{}, err
		}
		return Source{}, unknown
	}
	o.Dir = nameOrDir
	if st.IsDir() {
		for _, c := range []*cifar{&cifar10, &cifar100} {
			if c.in(nameOrDir) {
				return Lookup(c.info.Name)
			}
		}
		if len(idxFilesIn(nameOrDir)) > 0 {
			return Source{Info: Info{Name: filepath.Base(nameOrDir)}, Load: loadIDXFolder}, nil
		}
		return Lookup(folderInfo.Name)
	}
	for _, c := range []*cifar{&cifar10, &cifar100} {
		if filepath.Base(nameOrDir) == c.info.Files[0].Name {
			return Lookup(c.info.Name)
		}
	}
	return Source{}, fmt.Errorf("%s is a file; want a folder, %s or %s", nameOrDir, cifar10.info.Files[0].Name,
		cifar100.info.Files[0].Name)
}

// Places lists the folders that are searched for the files of a data set if none is given: $NASNET_DATA/NAME,
// $XDG_DATA_HOME/nasnet/data/NAME ($HOME/.local/share if that is unset) and /usr/share/datasets/NAME, which Debian's
// packages use. [Get] writes to the first.
func Places(name string) []string {
	var places []string
	if dir := os.Getenv("NASNET_DATA"); dir != "" {
		places = append(places, filepath.Join(dir, name))
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		places = append(places, filepath.Join(dir, "nasnet", "data", name))
	} else if home, err := os.UserHomeDir(); err == nil {
		places = append(places, filepath.Join(home, ".local", "share", "nasnet", "data", name))
	}
	return append(places, filepath.Join("/usr/share/datasets", name))
}

// locate returns dir, or the first place for which found returns true.
func locate(info Info, dir string, found func(dir string) bool) (string, error) {
	if dir != "" {
		if _, err := os.Stat(dir); err != nil {
			return "", fmt.Errorf("%w: %w", ErrMissing, err)
		}
		return dir, nil
	}
	places := Places(info.Name)
	for _, p := range places {
		if found(p) {
			return p, nil
		}
	}
	return "", fmt.Errorf("%w in %s\n%s", ErrMissing, strings.Join(places, ", "), hint(info))
}

// hint explains how to get the files of a data set.
func hint(info Info) string {
	if len(info.Files) == 0 {
		return "the folder needs all of " + strings.Join(idxFiles, ", ") + ", each plain or as .gz"
	}
	h := "fetch them with: nasnet data get " + info.Name
	if info.Name == fashionInfo.Name {
		h += fmt.Sprintf("\nor use --data %s, the %d of its images that are built in", fashion10kInfo.Name,
			fashion10kInfo.TrainImages+fashion10kInfo.TestImages)
	}
	return h
}

// finish completes what a source has read: size, statistics and checksum. contents are in the order in which they were
// read.
func finish(ctx context.Context, d *Data, o Options, contents []content) (*Data, error) {
	var err error
	if o.Image > 0 {
		if d.Train, err = resized(ctx, d.Train, o.Image); err != nil {
			return nil, err
		}
		if d.Test, err = resized(ctx, d.Test, o.Image); err != nil {
			return nil, err
		}
	}
	if d.Train.N == 0 {
		return nil, errors.New("no training images")
	}
	d.Info.Image, d.Info.Channels = d.Train.H, d.Train.C
	d.Info.TrainImages, d.Info.TestImages = d.Train.N, d.Test.N
	d.Mean, d.Std = statistics(d.Train)
	h := sha256.New()
	for _, c := range contents {
		fmt.Fprintf(h, "%s %d %s\n", c.name, c.size, c.sha256)
	}
	d.SHA256 = hex.EncodeToString(h.Sum(nil))
	return d, nil
}

// statistics returns mean and standard deviation of pixel/255 per channel. It counts values, so the sums are exact.
func statistics(im Images) (mean, std []float32) {
	counts := make([][256]int64, im.C)
	for i := 0; i < len(im.Pixels); i += im.C {
		for c := range im.C {
			counts[c][im.Pixels[i+c]]++
		}
	}
	for c := range counts {
		var n, sum, squares int64
		for v, k := range counts[c] {
			n, sum, squares = n+k, sum+k*int64(v), squares+k*int64(v)*int64(v)
		}
		m := float64(sum) / float64(n)
		s := math.Sqrt(max(0, float64(squares)/float64(n)-m*m)) / 255
		if s == 0 {
			s = 1
		}
		mean, std = append(mean, float32(m/255)), append(std, float32(s))
	}
	return mean, std
}
