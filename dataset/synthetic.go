package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
)

var syntheticInfo = Info{
	Name: "synthetic", Title: "made-up patterns that a small network learns in seconds, for tests",
	License: "none needed", Source: "made by the program",
	Classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
	Image:   16, Channels: 3,
	TrainImages: 2000, TestImages: 500,
	BuiltIn: true,
}

func loadSynthetic(ctx context.Context, o Options) (*Data, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return Synthetic(SyntheticConfig{Seed: o.Seed, Image: o.Image})
}

// SyntheticConfig is the size of a synthetic data set. Where a field is 0, it has 10 classes, 2,000 training images,
// 500 test images, 16 pixels a side or 3 channels.
type SyntheticConfig struct {
	Classes, Train, Test, Image, Channels int
	Seed                                  uint64
}

// Synthetic makes a data set without files. Each class is a random 4x4 pattern drawn large; its images are that pattern
// moved by up to an eighth of the side and covered with noise. Anything that learns at all learns it in a few passes.
// Labels repeat in order: class sizes differ by at most one. The same config gives the same bytes on every machine.
func Synthetic(c SyntheticConfig) (*Data, error) {
	for _, f := range []struct {
		field    *int
		standard int
	}{{&c.Classes, 10}, {&c.Train, 2000}, {&c.Test, 500}, {&c.Image, 16}, {&c.Channels, 3}} {
		if *f.field == 0 {
			*f.field = f.standard
		}
	}
	if c.Classes < 2 || c.Classes > c.Train {
		return nil, fmt.Errorf("%d classes for %d training images; want 2 to %[2]d", c.Classes, c.Train)
	}
	d := &Data{Info: syntheticInfo}
	d.Info.Classes = nil
	for i := range c.Classes {
		d.Info.Classes = append(d.Info.Classes, strconv.Itoa(i))
	}
	r := rand.New(
		rand.NewChaCha8(sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("nasnet/dataset/synthetic/v1"), c.Seed))))
	var err error
	if d.Train, err = newImages(c.Train, c.Image, c.Image, c.Channels); err != nil {
		return nil, err
	}
	if d.Test, err = newImages(c.Test, c.Image, c.Image, c.Channels); err != nil {
		return nil, err
	}
	const grid = 4
	margin := c.Image / 8
	side := c.Image + 2*margin
	rz := newResizer(grid, grid, side, side, c.Channels)
	patterns := make([][]uint8, c.Classes)
	for i := range patterns {
		coarse := make([]uint8, grid*grid*c.Channels)
		for j := range coarse {
			coarse[j] = uint8(64 + r.IntN(128))
		}
		patterns[i] = make([]uint8, side*side*c.Channels)
		rz.resize(patterns[i], coarse)
	}
	h := sha256.New()
	for _, im := range []*Images{&d.Train, &d.Test} {
		for n := range im.N {
			im.Labels[n] = int32(n % c.Classes)
			p := patterns[n%c.Classes]
			y0, x0 := r.IntN(2*margin+1), r.IntN(2*margin+1)
			out := im.Pixels[n*c.Image*c.Image*c.Channels:]
			for y := range c.Image {
				row := p[((y0+y)*side+x0)*c.Channels:]
				for x := range c.Image * c.Channels {
					out[y*c.Image*c.Channels+x] = uint8(int(row[x]) + r.IntN(129) - 64)
				}
			}
		}
		h.Write(im.Pixels)
	}
	return finish(context.Background(), d, Options{},
		[]content{{"synthetic", int64(len(d.Train.Pixels) + len(d.Test.Pixels)), hex.EncodeToString(h.Sum(nil))}})
}
