package kernel

import "math"

// maxPoolGeneric computes, for q in [0, pixels), j in [0, c), over the taps
// (ky, kx) of a window of ny rows, line apart, and nx pixels,
//
//	y[q*c+j]   = max x[q*step + ky*line + kx*c + j]
//	idx[q*c+j] = first + ky*k + kx of the first tap that has it
func maxPoolGeneric(y []float32, idx []uint8, x []float32, pixels, step, c, ny, nx, line, first, k int) {
	for q := range pixels {
		for j := range c {
			in := x[q*step+j:]
			// The float, as an integer of the same order, above 255 - tap: the
			// greatest is the first of the largest. An integer maximum is a
			// conditional move, a comparison of floats an unpredictable branch.
			best := int64(math.MinInt64)
			for ky := range ny {
				at, t := ky*line, int64(255-first-ky*k)
				for range nx {
					b := int32(math.Float32bits(in[at] + 0)) // +0: not -0
					best = max(best, int64(b^int32(uint32(b>>31)>>1))<<32|t)
					at += c
					t--
				}
			}
			o := int32(best >> 32)
			y[q*c+j] = math.Float32frombits(uint32(o ^ int32(uint32(o>>31)>>1)))
			idx[q*c+j] = uint8(255 - best&255)
		}
	}
}
