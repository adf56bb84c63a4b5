package dataset

import (
	"bufio"
	"bytes"
	"context"
	_ "embed" // fashion10kBytes
	"fmt"
)

//go:generate go run embedded/generate.go -in /usr/share/datasets/fashion-mnist -out embedded/fashion-mnist-10k.idx.gz

// fashion10kBytes is one gzip stream of four IDX arrays: training images, training labels, test images, test labels.
// embedded/generate.go made it.
//
//go:embed embedded/fashion-mnist-10k.idx.gz
var fashion10kBytes []byte

//go:embed embedded/LICENSE-fashion-mnist.txt
var fashionNotice string

var fashion10kInfo = Info{
	Name: "fashion-mnist-10k", Title: "Fashion-MNIST clothing, the built-in 10,000 images", Source: fashionInfo.Source,
	License:     fashionInfo.License,
	Notice:      fashionNotice,
	Classes:     fashionClasses,
	Image:       28,
	Channels:    1,
	TrainImages: 8000, TestImages: 2000,
	BuiltIn: true,
}

var fashion10kFile = File{
	Name:          "fashion-mnist-10k.idx.gz",
	ContentSize:   2*(4+3*4) + 2*(4+4) + 10000*(28*28+1),
	ContentSHA256: "30519e8ebb29a036a8b081c6ab0b2b35bc6d01b1c494075561c41be202e921f8",
}

// loadFashion10k reads the built-in images: the first 800 of each class of the 60,000 training images and the first 200
// of each class of the 10,000 test images, in the order of the files.
func loadFashion10k(ctx context.Context, o Options) (*Data, error) {
	r, err := newContentReader(ctx, bufio.NewReader(bytes.NewReader(fashion10kBytes)), fashion10kFile.ContentSize)
	if err != nil {
		return nil, err
	}
	d := &Data{Info: fashion10kInfo}
	for _, part := range []*Images{&d.Train, &d.Test} {
		shape, pixels, err := readIDX(r, 3)
		if err != nil {
			return nil, err
		}
		_, b, err := readIDX(r, 1)
		if err != nil {
			return nil, err
		}
		labels, err := toLabels(b, len(fashionClasses))
		if err != nil {
			return nil, err
		}
		if len(labels) != shape[0] {
			return nil, fmt.Errorf("%d images but %d labels", shape[0], len(labels))
		}
		*part = Images{N: shape[0], H: shape[1], W: shape[2], C: 1, Pixels: pixels, Labels: labels}
	}
	c, err := r.end(fashion10kFile.Name)
	if err != nil {
		return nil, err
	}
	if err := c.matches(fashion10kFile); err != nil {
		return nil, err
	}
	return finish(ctx, d, o, []content{c})
}
