package child

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"nasnet/dataset"
	"nasnet/nas/nn"
)

const (
	// whitenPatches is about how many patches of the training images are sampled. Large images would reach it with too
	// few images, so at least whitenImages are sampled.
	whitenPatches, whitenImages = 1_800_000, 100

	// whitenFloor is added to the variance of each component: one that hardly varies is mostly noise and must not be
	// amplified.
	whitenFloor = 5e-4
)

// whiten initialises the stem's filters w, of shape (k, k, channels, filters), so that they whiten the k x k patches of
// the training images: filter 2i is the i-th principal component of the patches, divided by its standard deviation, and
// filter 2i+1 is its negative, so that both signs pass the ReLU that follows. Filters beyond twice the number of
// components keep their values. Neighbouring pixels are nearly equal, so random filters see little more than the
// brightness of a patch and must first learn to see detail.
//
// From Page, How to Train Your ResNet, part 8 (2019), and airbench (arXiv 2404.00498, section 3.2). There the filters
// stay fixed; here they are only the start.
func whiten(w *nn.Param, v *dataset.View) error {
	k, channels, filters := w.Shape[0], w.Shape[2], w.Shape[3]
	size := k * k * channels
	var eigen mat.EigenSym
	if !eigen.Factorize(patchCovariance(v, k), true) {
		return fmt.Errorf("whiten: the %dx%d patches of the training images have no principal components", k, k)
	}
	variance := eigen.Values(nil) // rising
	var components mat.Dense
	eigen.VectorsTo(&components)
	for f := range min(filters, 2*size) {
		i := size - 1 - f/2
		scale := 1 / math.Sqrt(max(variance[i], 0)+whitenFloor)
		if f%2 == 1 {
			scale = -scale
		}
		for tap := range size {
			w.Value[tap*filters+f] = float32(scale * components.At(tap, i))
		}
	}
	return nil
}

// patchCovariance returns the covariance of the k x k patches inside images, whose pixels must have mean 0. It samples
// the whole view, which may be sorted by class. The elements of a patch are in the order row, column, channel.
func patchCovariance(v *dataset.View, k int) *mat.SymDense {
	im := v.Data
	rows, columns := im.H-k+1, im.W-k+1
	size, row := k*k*im.C, k*im.C
	sum := make([]float64, size*size)
	pixels, patch := make([]float32, im.H*im.W*im.C), make([]float64, size)
	n := min(v.Len(), max(whitenImages, whitenPatches/(rows*columns)))
	for i := range n {
		v.Batch(pixels, nil, []int32{int32(i * v.Len() / n)}, nil)
		for y := range rows {
			for x := range columns {
				for dy := range k {
					for j, p := range pixels[((y+dy)*im.W+x)*im.C:][:row] {
						patch[dy*row+j] = float64(p)
					}
				}
				for a, p := range patch {
					for b, q := range patch[:a+1] {
						sum[a*size+b] += p * q
					}
				}
			}
		}
	}
	cov := mat.NewSymDense(size, nil)
	for a := range size {
		for b := range a + 1 {
			cov.SetSym(a, b, sum[a*size+b]/float64(n*rows*columns))
		}
	}
	return cov
}
