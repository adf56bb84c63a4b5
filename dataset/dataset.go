// Package dataset reads labelled image sets and hands out normalised batches of them.
//
// A [Source] is a row of [Sources]: what a data set is, where its files come from and how to read them. [Load] turns a
// name or a folder into [Data], all images in memory as bytes; [Data.Split] and [Data.TestView] cut it into [View]s;
// [View.Batch] writes float32 batches without allocating, through an [Augmenter] if one is given. [Get] downloads the
// files of a source and [Check] verifies them.
//
//	name or folder ──Load──▶ Data ──Split──▶ View ──Batch──▶ []float32 (N, H, W, C)
//
// One data set needs no download: fashion-mnist-10k, 10,000 real images of Fashion-MNIST that are part of the program
// (8,000 of its training and 2,000 of its test images, equal numbers of each class). A search uses it by default. The
// name fashion-mnist means all 70,000 images; if their files are missing, [Load] returns an error that names the
// command to fetch them. A smaller set never silently replaces a larger one.
//
// No byte of a file is trusted: sizes are checked before memory is allocated, decompression stops at the expected size,
// archives are read in place and never unpacked, and a published checksum must match (see [Load] for the exceptions).
// Random numbers come only from generators that the caller passes in.
package dataset

import (
	"context"
)

// Info describes a data set: in [Sources] as published, in [Data] as loaded.
type Info struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	License string `json:"license"`
	Source  string `json:"source"` // home page
	// copyright notice that must go with a copy, if the program includes one
	Notice      string   `json:"notice,omitempty"`
	Classes     []string `json:"classes,omitempty"` // names, index = label
	Image       int      `json:"image"`             // side in pixels; 0 = depends on the files
	Channels    int      `json:"channels"`          // 1 or 3; 0 = depends on the files
	TrainImages int      `json:"train_images"`
	TestImages  int      `json:"test_images"`
	BuiltIn     bool     `json:"built_in"`         // needs no files
	NoFlip      bool     `json:"handed,omitempty"` // flipping changes the class, as with digits
	Files       []File   `json:"files,omitempty"`
}

// File is one published file of a data set. Its content is the file after gunzip, or the file itself if it is not
// compressed; recompressed copies (Debian's, for one) differ in SHA256 and agree in ContentSHA256.
type File struct {
	Name          string `json:"name"`
	URL           string `json:"url"`
	Size          int64  `json:"size"`   // bytes
	SHA256        string `json:"sha256"` // hex
	ContentSize   int64  `json:"content_size,omitempty"`
	ContentSHA256 string `json:"content_sha256,omitempty"`
}

// Images has N images of one size. It never changes after loading, so views share it between goroutines.
type Images struct {
	N, H, W, C int
	Pixels     []uint8 // (N, H, W, C)
	Labels     []int32 // (N), index into Info.Classes
}

// Data is a loaded data set.
type Data struct {
	Info        Info
	Train, Test Images
	// hex, over the contents of all files that were read, before any resizing; compression does not change it
	SHA256    string
	Mean, Std []float32 // per channel, of pixel/255 over Train; Std is 1 where a channel is constant
	Warnings  []string  // for the user, such as a file that matches no published checksum
	Skipped   int       // broken images that were skipped (image folders only)
}

// Options choose where a data set is and at which size to load it.
type Options struct {
	Dir string // where its files are; "" searches [Places]
	// side of the loaded images: area average if smaller than the originals, bilinear if larger; 0 = as they are
	Image     int
	MaxBroken int    // image folders: broken images to skip before giving up; 0 = 20, negative = none
	Seed      uint64 // synthetic only
}

// Source is a data set that can be loaded by name.
type Source struct {
	Info
	Load func(ctx context.Context, o Options) (*Data, error)
}

// Sources is the table of data sets. A new one is a file and a line here.
var Sources = []Source{
	{fashion10kInfo, loadFashion10k},
	{fashionInfo, loadFashion},
	{mnistInfo, loadMNIST},
	{cifar10.info, cifar10.load},
	{cifar100.info, cifar100.load},
	{folderInfo, loadFolder},
	{syntheticInfo, loadSynthetic},
}

// View is some of the images of a data set, in some order. It is read-only: goroutines may share it.
type View struct {
	Data      *Images
	Index     []int32 // positions in Data
	Mean, Std []float32
	Classes   int
}

// Len returns the number of images in the view.
func (v *View) Len() int { return len(v.Index) }

// TrainView returns all training images, in the order of the files.
func (d *Data) TrainView() *View { return d.view(&d.Train, sequence(d.Train.N)) }

// TestView returns all test images, in the order of the files. They are for retrains: a search never looks at them.
func (d *Data) TestView() *View { return d.view(&d.Test, sequence(d.Test.N)) }

func (d *Data) view(im *Images, index []int32) *View {
	return &View{Data: im, Index: index, Mean: d.Mean, Std: d.Std, Classes: len(d.Info.Classes)}
}

func sequence(n int) []int32 {
	s := make([]int32, n)
	for i := range s {
		s[i] = int32(i)
	}
	return s
}
