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
			best, tap := int32(math.MinInt32), 0
			for ky := range ny {
				at, t := ky*line, first+ky*k
				for range nx {
					// Compared as integers, whose order is that of the floats:
					// conditional moves instead of unpredictable branches.
					b := int32(math.Float32bits(in[at] + 0)) // +0: not -0
					if o := b ^ int32(uint32(b>>31)>>1); o > best {
						best, tap = o, t
					}
					at += c
					t++
				}
			}
			y[q*c+j] = math.Float32frombits(uint32(best ^ int32(uint32(best>>31)>>1)))
			idx[q*c+j] = uint8(tap)
		}
	}
}
