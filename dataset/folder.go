package dataset

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg" // decoder
	_ "image/png"  // decoder
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

var folderInfo = Info{
	Name: "folder", Title: "your own images: a folder with one sub-folder of PNG or JPEG files for each class",
	License: "yours", Source: "your disk",
}

// Caps on one image file, ours: 16.7 million pixels are 134 MB in the widest format, for each of the goroutines that decode.
const (
	maxImagePixels = 1 << 24
	maxImageBytes  = 64 << 20
	defaultBroken  = 20
	defaultSide    = 32
)

// loadFolder reads an image folder:
//
//	DIR/CLASS/….png                       a fifth of each class becomes the test part, chosen by the hash of the file's name
//	DIR/train/CLASS/… DIR/test/CLASS/…    as it stands; val and valid are other names for test
//
// Classes are the sub-folders in the order of their names; images may lie deeper. Hidden files and other extensions are passed over. An image
// is cut to its middle square and resized to Options.Image; without that, images that are all squares of one side keep it and others become
// 32x32. There is one channel if all images are grey, else three. Broken images are left out and counted, up to Options.MaxBroken.
func loadFolder(ctx context.Context, o Options) (*Data, error) {
	if o.Dir == "" {
		return nil, errors.New("which one? give the folder itself as the data set, for example --data ./photos")
	}
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	l := &folderLoader{root: root, dir: o.Dir, broken: o.MaxBroken}
	if l.broken == 0 {
		l.broken = defaultBroken
	}
	classes, train, test, err := listFolder(ctx, root.FS())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Dir, err)
	}
	files := slices.Concat(train, test)
	if err := l.each(ctx, files, l.header); err != nil {
		return nil, err
	}
	l.shape(files, o.Image)
	d := &Data{Info: folderInfo}
	d.Info.Title, d.Info.Source, d.Info.Classes = "images of "+o.Dir, o.Dir, classes
	if d.Train, err = l.place(train); err == nil {
		d.Test, err = l.place(test)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Dir, err)
	}
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
			d.Warnings = append(d.Warnings, fmt.Sprintf("%s: left out: %v", f.name, f.broken))
		}
	}
	return finish(ctx, d, Options{}, contents)
}

// imageFile is one image on its way from name to pixels.
type imageFile struct {
	name          string
	label         int32
	width, height int
	grey          bool
	pixels        []uint8 // (side, side, channels), its place in Images
	content       content
	broken        error
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
		return nil, nil, nil, errors.New("has a folder train and no folder test, val or valid beside it")
	}
	part := []string{"test", "val", "valid"}[i]
	names, err := subfolders(fsys, part)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, n := range names {
		if !slices.Contains(classes, n) {
			return nil, nil, nil, fmt.Errorf("%s has a class %q that train has not", part, n)
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
			if err != nil || e.IsDir() {
				return cmp.Or(err, ctx.Err())
			}
			if ext := strings.ToLower(path.Ext(name)); strings.HasPrefix(e.Name(), ".") || (ext != ".png" && ext != ".jpg" && ext != ".jpeg") {
				return nil
			}
			if len(files) == maxImages {
				return fmt.Errorf("%s has more than %d images", dir, maxImages)
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

// splitByName gives a fifth of each class to the test part: the images whose names hash lowest. A file that is added or removed moves at most
// one other per class.
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

// folderLoader reads the files of one folder.
type folderLoader struct {
	root           *os.Root // keeps links from leading out of the folder
	dir            string
	side, channels int
	broken         int // tolerated
	skipped        atomic.Int64
}

// each runs step on all files that are not broken yet, on all cores, and waits. An error of step marks the file as broken; one more than is
// tolerated ends the work.
func (l *folderLoader) each(ctx context.Context, files []*imageFile, step func(*imageFile) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(files) {
					return
				}
				f := files[i]
				if f.broken != nil {
					continue
				}
				if f.broken = step(f); f.broken == nil {
					continue
				}
				if n := l.skipped.Add(1); n > int64(max(0, l.broken)) {
					cancel(fmt.Errorf("%s: %s: %w (%d broken images, %d are tolerated)", l.dir, f.name, f.broken, n, max(0, l.broken)))
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// header reads the size and the colour model of an image and holds them against the caps, before anything is decoded.
func (l *folderLoader) header(f *imageFile) error {
	r, err := l.open(f)
	if err != nil {
		return err
	}
	defer r.Close()
	c, err := decodeConfig(io.LimitReader(r, maxImageBytes))
	if err != nil {
		return err
	}
	f.width, f.height = c.Width, c.Height
	f.grey = c.ColorModel == color.GrayModel || c.ColorModel == color.Gray16Model
	return nil
}

func (l *folderLoader) open(f *imageFile) (*os.File, error) {
	st, err := l.root.Stat(f.name)
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, errNotRegular
	case st.Size() > maxImageBytes:
		return nil, fmt.Errorf("%d bytes, at most %d", st.Size(), maxImageBytes)
	}
	return l.root.Open(f.name)
}

// shape decides the side and the channels of all images.
func (l *folderLoader) shape(files []*imageFile, side int) {
	own := -1 // the side of all images, 0 when there is none
	l.channels = 1
	for _, f := range files {
		if f.broken != nil {
			continue
		}
		if !f.grey {
			l.channels = 3
		}
		if own < 0 {
			own = f.width
		}
		if f.width != f.height || f.width != own || f.width > maxSide {
			own = 0
		}
	}
	if l.side = side; side == 0 {
		if l.side = own; own <= 0 {
			l.side = defaultSide
		}
	}
}

// place makes room for the images that are not broken so far.
func (l *folderLoader) place(files []*imageFile) (Images, error) {
	n := 0
	for _, f := range files {
		if f.broken == nil {
			n++
		}
	}
	im, err := newImages(n, l.side, l.side, l.channels)
	if err != nil {
		return Images{}, err
	}
	size := l.side * l.side * l.channels
	n = 0
	for _, f := range files {
		if f.broken == nil {
			im.Labels[n] = f.label
			f.pixels = im.Pixels[n*size : (n+1)*size]
			n++
		}
	}
	return im, nil
}

// compact closes the gaps of the images that proved broken.
func compact(im *Images, files []*imageFile) {
	size := im.H * im.W * im.C
	im.N = 0
	for _, f := range files {
		if f.broken == nil {
			copy(im.Pixels[im.N*size:], f.pixels)
			im.Labels[im.N] = f.label
			im.N++
		}
	}
	im.Pixels, im.Labels = im.Pixels[:im.N*size], im.Labels[:im.N]
}

func (l *folderLoader) decode(f *imageFile) error {
	r, err := l.open(f)
	if err != nil {
		return err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxImageBytes))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	f.content = content{f.name, int64(len(b)), hex.EncodeToString(sum[:])}
	return decodeImage(f.pixels, b, l.side, l.channels)
}

func decodeConfig(r io.Reader) (image.Config, error) {
	c, _, err := image.DecodeConfig(r)
	if err != nil {
		return c, err
	}
	if c.Width < 1 || c.Height < 1 || c.Width > maxImagePixels/c.Height {
		return c, fmt.Errorf("%dx%d pixels, at most %d in all", c.Width, c.Height, maxImagePixels)
	}
	return c, nil
}

// decodeImage writes the middle square of a PNG or JPEG to dst, (side, side, channels). Transparent parts become black.
func decodeImage(dst []uint8, b []byte, side, channels int) error {
	if _, err := decodeConfig(bytes.NewReader(b)); err != nil {
		return err
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return err
	}
	bounds := img.Bounds()
	s := min(bounds.Dx(), bounds.Dy())
	from := image.Pt(bounds.Min.X+(bounds.Dx()-s)/2, bounds.Min.Y+(bounds.Dy()-s)/2)
	rgba := image.NewRGBA(image.Rect(0, 0, s, s))
	draw.Draw(rgba, rgba.Rect, img, from, draw.Src)
	square := rgba.Pix[:0] // of each four bytes the first channels
	for i := 0; i < len(rgba.Pix); i += 4 {
		square = append(square, rgba.Pix[i:i+channels]...)
	}
	if s == side {
		copy(dst, square)
	} else {
		newResizer(s, s, side, side, channels).resize(dst, square)
	}
	return nil
}
