package dataset

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

var folderInfo = Info{
	Name: "folder", Title: "your own images: a folder with one sub-folder of PNG or JPEG files for each class",
	License: "yours", Source: "your disk",
}

// loadFolder reads an image folder:
//
//	DIR/CLASS/….png                       a fifth of each class becomes the test part, picked by the hash of the name
//	DIR/train/CLASS/… DIR/test/CLASS/…    as it is; val and valid also name the test part
//
// Classes are the sub-folders in the order of their names; images may be deeper. Hidden files and other extensions are
// skipped. An image is cut to its middle square and resized to Options.Image; if that is 0, squares that all have one
// side keep it, and others become 32x32. There is one channel if all images are grey, else three. Broken images are
// skipped and counted, up to Options.MaxBroken.
func loadFolder(ctx context.Context, o Options) (*Data, error) {
	l, err := openFolder(o)
	if err != nil {
		return nil, err
	}
	defer l.root.Close()
	d := new(Data)
	var train, test []*imageFile
	if d.Info, train, test, err = l.survey(ctx, o.Image); err != nil {
		return nil, err
	}
	if d.Train, err = l.place(train); err == nil {
		d.Test, err = l.place(test)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Dir, err)
	}
	files := slices.Concat(train, test)
	if err := l.each(ctx, files, l.decode); err != nil {
		return nil, err
	}
	compact(&d.Train, train)
	compact(&d.Test, test)
	d.Skipped = int(l.skipped.Load())
	var contents []content
	for _, f := range files {
		if f.broken == nil {
			contents = append(contents, f.content)
		} else {
			d.Warnings = append(d.Warnings, fmt.Sprintf("%s: skipped: %v", f.name, f.broken))
		}
	}
	return finish(ctx, d, Options{}, contents)
}

// openFolder opens the folder of images that the options name.
func openFolder(o Options) (*folderLoader, error) {
	if o.Dir == "" {
		return nil, errors.New("no folder was given; name it as the data set, for example --data ./photos")
	}
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, err
	}
	l := &folderLoader{root: root, dir: o.Dir, broken: o.MaxBroken}
	if l.broken == 0 {
		l.broken = defaultBroken
	}
	return l, nil
}

// survey finds the images of both parts, each sorted by name, and describes the data set by their headers. It marks
// broken headers.
func (l *folderLoader) survey(ctx context.Context, side int) (info Info, train, test []*imageFile, err error) {
	classes, train, test, err := listFolder(ctx, l.root.FS())
	if err != nil {
		return info, nil, nil, fmt.Errorf("%s: %w", l.dir, err)
	}
	files := slices.Concat(train, test)
	if err := l.each(ctx, files, l.header); err != nil {
		return info, nil, nil, err
	}
	l.shape(files, side)
	info = folderInfo
	info.Title, info.Source, info.Classes = "images of "+l.dir, l.dir, classes
	info.Image, info.Channels, info.TrainImages, info.TestImages = l.side, l.channels, whole(train), whole(test)
	return info, train, test, nil
}

// surveyFolder is loadFolder as far as the headers of the images allow.
func surveyFolder(ctx context.Context, o Options) (Info, error) {
	l, err := openFolder(o)
	if err != nil {
		return Info{}, err
	}
	defer l.root.Close()
	info, _, _, err := l.survey(ctx, o.Image)
	if err == nil && info.TrainImages == 0 {
		err = errors.New("no training images")
	}
	return info, err
}

// listFolder finds the images of both parts, each sorted by name.
func listFolder(ctx context.Context, fsys fs.FS) (classes []string, train, test []*imageFile, err error) {
	top, err := subfolders(fsys, ".")
	if err != nil {
		return nil, nil, nil, err
	}
	if !slices.Contains(top, "train") {
		all, err := listClasses(ctx, fsys, ".", top)
		if err != nil {
			return nil, nil, nil, err
		}
		train, test = splitByName(all, len(top))
		return top, train, test, nil
	}
	classes, err = subfolders(fsys, "train")
	if err != nil {
		return nil, nil, nil, err
	}
	if train, err = listClasses(ctx, fsys, "train", classes); err != nil {
		return nil, nil, nil, err
	}
	i := slices.IndexFunc([]string{"test", "val", "valid"}, func(n string) bool { return slices.Contains(top, n) })
	if i < 0 {
		return nil, nil, nil, errors.New("has a folder train; want a folder test, val or valid beside it")
	}
	part := []string{"test", "val", "valid"}[i]
	names, err := subfolders(fsys, part)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, n := range names {
		if !slices.Contains(classes, n) {
			return nil, nil, nil, fmt.Errorf("%s has a class %q that train lacks", part, n)
		}
	}
	test, err = listClasses(ctx, fsys, part, classes)
	return classes, train, test, err
}

func subfolders(fsys fs.FS, dir string) (names []string, err error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func listClasses(ctx context.Context, fsys fs.FS, dir string, classes []string) (files []*imageFile, err error) {
	if len(classes) < 2 {
		return nil, fmt.Errorf("%s has %d class folders with images, want at least 2", dir, len(classes))
	}
	for label, class := range classes {
		err := fs.WalkDir(fsys, path.Join(dir, class), func(name string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) && name == path.Join(dir, class) {
				return nil // a class that the test part lacks
			}
			if err == nil && e.IsDir() && strings.HasPrefix(e.Name(), ".") {
				return fs.SkipDir // thumbnails, notebook checkpoints: copies of other images
			}
			if err != nil || e.IsDir() {
				return cmp.Or(err, ctx.Err())
			}
			if ext := strings.ToLower(path.Ext(name)); strings.HasPrefix(e.Name(), ".") ||
				(ext != ".png" && ext != ".jpg" && ext != ".jpeg") {
				return nil
			}
			if len(files) == maxImages {
				return fmt.Errorf("%s has more images than the limit of %d", dir, maxImages)
			}
			files = append(files, &imageFile{name: name, label: int32(label)})
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no PNG or JPEG file in its class folders (%s)", dir, strings.Join(classes, ", "))
	}
	return files, nil
}

// splitByName gives a fifth of each class to the test part: the images whose names hash lowest. Adding or removing a
// file moves at most one other per class.
func splitByName(files []*imageFile, classes int) (train, test []*imageFile) {
	byClass := make([][]*imageFile, classes)
	for _, f := range files {
		byClass[f.label] = append(byClass[f.label], f)
	}
	isTest := map[*imageFile]bool{}
	for _, fs := range byClass {
		hashes := map[*imageFile][32]byte{}
		for _, f := range fs {
			hashes[f] = sha256.Sum256([]byte(f.name))
		}
		slices.SortFunc(fs, func(a, b *imageFile) int {
			x, y := hashes[a], hashes[b]
			return bytes.Compare(x[:], y[:])
		})
		for _, f := range fs[:len(fs)/5] {
			isTest[f] = true
		}
	}
	for _, f := range files {
		if isTest[f] {
			test = append(test, f)
		} else {
			train = append(train, f)
		}
	}
	return train, test
}
