package dataset

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg" // decoder
	_ "image/png"  // decoder
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

// Limits for one image file, which we chose: 16.7 million pixels are 134 MB in the widest format, for each of the
// goroutines that decode.
const (
	maxImagePixels = 1 << 24
	maxImageBytes  = 64 << 20
	// of a JPEG: each may cover all pixels in a few bytes; real progressive images have about 10
	maxScans      = 500
	defaultBroken = 20
	defaultSide   = 32
)

// Markers of JPEG (ITU T.81, B.1.1.3). The data of a scan cannot contain a marker.
const (
	startOfJPEG = "\xff\xd8"
	startOfScan = "\xff\xda"
)

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

// folderLoader reads the files of one folder.
type folderLoader struct {
	root           *os.Root // keeps links from leading out of the folder
	dir            string
	side, channels int
	broken         int // tolerated
	skipped        atomic.Int64
}

// each runs step on all files that are not broken yet, on all cores, and waits. An error from step marks the file as
// broken; one broken file more than tolerated ends the work. each calls caller.Err before every file, so a caller can
// take these calls as a sign of life.
func (l *folderLoader) each(caller context.Context, files []*imageFile, step func(*imageFile) error) error {
	ctx, cancel := context.WithCancelCause(caller)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		wg.Go(func() {
			for caller.Err() == nil && ctx.Err() == nil {
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
					cancel(fmt.Errorf("%s: %s: %w (%d broken images, want at most %d)", l.dir, f.name, f.broken, n,
						max(0, l.broken)))
				}
			}
		})
	}
	wg.Wait()
	return cmp.Or(context.Cause(ctx), context.Cause(caller)) // the caller's may have ended a moment earlier
}

// header reads the size and the colour model of an image and checks them against the limits before anything is decoded.
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
	}
	if err := smallEnough(st); err != nil {
		return nil, err
	}
	return l.root.Open(f.name)
}

// shape decides the side and the channels of all images.
func (l *folderLoader) shape(files []*imageFile, side int) {
	own := -1 // the side that all images have; 0: they differ
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

// whole counts the images that are not yet broken.
func whole(files []*imageFile) (n int) {
	for _, f := range files {
		if f.broken == nil {
			n++
		}
	}
	return n
}

// place allocates memory for the images that are not yet broken.
func (l *folderLoader) place(files []*imageFile) (Images, error) {
	im, err := newImages(whole(files), l.side, l.side, l.channels)
	if err != nil {
		return Images{}, err
	}
	size := l.side * l.side * l.channels
	n := 0
	for _, f := range files {
		if f.broken == nil {
			im.Labels[n] = f.label
			f.pixels = im.Pixels[n*size : (n+1)*size]
			n++
		}
	}
	return im, nil
}

// compact closes the gaps left by broken images.
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
		return c, fmt.Errorf("%dx%d pixels, want at most %d in all", c.Width, c.Height, maxImagePixels)
	}
	return c, nil
}

// ReadImage reads one PNG or JPEG file as [Load] reads those of a folder: (side, side, channels), the middle square of
// the image, resized. channels is 1, which turns colours into their luma, or 3.
func ReadImage(file string, side, channels int) ([]uint8, error) {
	if side < 1 || side > maxSide || channels != 1 && channels != 3 {
		return nil, fmt.Errorf("dataset: images of %dx%dx%d; want a side of 1 to %d, and 1 or 3 channels", side, side,
			channels, maxSide)
	}
	f, st, err := openRegular(file)
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", file, err)
	}
	defer f.Close()
	pixels := make([]uint8, side*side*channels)
	if err = smallEnough(st); err == nil {
		var b []byte
		if b, err = io.ReadAll(io.LimitReader(f, maxImageBytes)); err == nil {
			err = decodeImage(pixels, b, side, channels)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("dataset: %s: %w", file, err)
	}
	return pixels, nil
}

func smallEnough(st os.FileInfo) error {
	if st.Size() > maxImageBytes {
		return fmt.Errorf("%d bytes, want at most %d", st.Size(), maxImageBytes)
	}
	return nil
}

// decodeImage writes the middle square of a PNG or JPEG to dst, (side, side, channels). Transparent parts become black,
// and with one channel colours become their luma.
func decodeImage(dst []uint8, b []byte, side, channels int) error {
	if _, err := decodeConfig(bytes.NewReader(b)); err != nil {
		return err
	}
	if n := bytes.Count(b, []byte(startOfScan)); n > maxScans && bytes.HasPrefix(b, []byte(startOfJPEG)) {
		return fmt.Errorf("a JPEG of %d scans, want at most %d", n, maxScans)
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
	square := rgba.Pix[:0] // the first channels of each four bytes
	for i := 0; i < len(rgba.Pix); i += 4 {
		if channels == 1 {
			square = append(square, greyOf(rgba.Pix[i], rgba.Pix[i+1], rgba.Pix[i+2]))
		} else {
			square = append(square, rgba.Pix[i:i+channels]...)
		}
	}
	if s == side {
		copy(dst, square)
	} else {
		newResizer(s, s, side, side, channels).resize(dst, square)
	}
	return nil
}

// greyOf returns the brightness of a colour as image/color and JFIF define it: 0.299 R + 0.587 G + 0.114 B, rounded.
// For a grey that is its value.
func greyOf(r, g, b uint8) uint8 {
	return uint8((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16)
}
