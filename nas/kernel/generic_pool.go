package kernel

// maxPoolGeneric computes, for q in [0, pixels), j in [0, c), over the taps
// (ky, kx) of a window of ny rows, line apart, and nx pixels,
//
//	y[q*c+j]   = max x[q*step + ky*line + kx*c + j]
//	idx[q*c+j] = first + ky*k + kx of the first tap that has it
func maxPoolGeneric(y []float32, idx []uint8, x []float32, pixels, step, c, ny, nx, line, first, k int) {
	for q := range pixels {
		out, at := y[q*c:][:c], idx[q*c:][:c]
		for ky := range ny {
			for kx := range nx {
				in := x[q*step+ky*line+kx*c:][:c]
				tap := uint8(first + ky*k + kx)
				if ky+kx == 0 {
					copy(out, in)
					for j := range at {
						at[j] = tap
					}
					continue
				}
				for j, v := range in {
					if v > out[j] {
						out[j], at[j] = v, tap
					}
				}
			}
		}
	}
}
