//go:build ignore

// generate makes the part of Fashion-MNIST that is built into the program: the first 800 images of each class of the
// training file and the first 200 of each class of the test file, in the order of the files, as four IDX arrays
// (training images, training labels, test images, test labels) in one gzip stream without name and time. The input must
// be the published files, whose checksums it verifies.
//
//	go run embedded/generate.go -in /usr/share/datasets/fashion-mnist -out embedded/fashion-mnist-10k.idx.gz
//
// The same input always gives the same content, and the same bytes with the same version of Go, whose compressor may
// change; a test of the package checks the content's SHA-256. Debian has the input files in its package
// dataset-fashion-mnist.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"nasnet/dataset"
)

func main() {
	log.SetFlags(0)
	in := flag.String("in", "", "folder with the four files; empty searches the default places")
	out := flag.String("out", "embedded/fashion-mnist-10k.idx.gz", "file to write")
	flag.Parse()
	if err := generate(*in, *out); err != nil {
		log.Fatal(err)
	}
}

func generate(in, out string) error {
	d, err := dataset.Load(context.Background(), "fashion-mnist", dataset.Options{Dir: in})
	if err != nil {
		return err
	}
	var content bytes.Buffer
	write(&content, d.Train, 800)
	write(&content, d.Test, 200)
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(content.Bytes()); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Printf("content: %d bytes, sha256 %x\npacked:  %d bytes, sha256 %x\n", content.Len(),
		sha256.Sum256(content.Bytes()), packed.Len(), sha256.Sum256(packed.Bytes()))
	return os.WriteFile(out, packed.Bytes(), 0o644)
}

// write appends the first n images of each class and their labels.
func write(w io.Writer, im dataset.Images, n int) {
	var pixels, labels []byte
	taken := map[int32]int{}
	size := im.H * im.W * im.C
	for i, label := range im.Labels {
		if taken[label]++; taken[label] <= n {
			pixels = append(pixels, im.Pixels[i*size:(i+1)*size]...)
			labels = append(labels, byte(label))
		}
	}
	array(w, pixels, len(labels), im.H, im.W)
	array(w, labels, len(labels))
}

func array(w io.Writer, data []byte, shape ...int) {
	w.Write([]byte{0, 0, 8, byte(len(shape))})
	for _, d := range shape {
		w.Write(binary.BigEndian.AppendUint32(nil, uint32(d)))
	}
	w.Write(data)
}
