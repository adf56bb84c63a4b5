package kernel

// maxPoolGeneric is the loop of [MaxPoolForward] for one image.
func maxPoolGeneric(y []float32, idx []uint8, x []float32, p Pool) {
	line := p.W * p.C
	for oy := range p.OH {
		y0, y1 := window(oy, p.Stride, p.PadTop, p.K, p.H)
		ty := oy*p.Stride - p.PadTop
		for ox := range p.OW {
			x0, x1 := window(ox, p.Stride, p.PadLeft, p.K, p.W)
			tx := ox*p.Stride - p.PadLeft
			o := (oy*p.OW + ox) * p.C
			out, at := y[o:][:p.C], idx[o:][:p.C]
			for iy := y0; iy < y1; iy++ {
				for ix := x0; ix < x1; ix++ {
					in := x[iy*line+ix*p.C:][:len(out)]
					tap := uint8((iy-ty)*p.K + ix - tx)
					if iy == y0 && ix == x0 {
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
}

// poolSumGeneric computes, for q in [0, pixels), j in [0, width),
//
//	y[q*ldy+j] (+)= f * by[q*ldby+j] * Σ_t<taps x[q*ldx + t*step + j]
//
// without by as if it were ones. taps is at least 1.
func poolSumGeneric(y, x, by []float32, s poolSums, f float32, acc bool) {
	for q := range s.pixels {
		out, in := y[q*s.ldy:][:s.width], x[q*s.ldx:]
		var factors []float32
		if by != nil {
			factors = by[q*s.ldby:][:len(out)]
		}
		for j := range out {
			sum := in[j]
			for t := 1; t < s.taps; t++ {
				sum += in[t*s.step+j]
			}
			sum *= f
			if factors != nil {
				sum *= factors[j]
			}
			if acc {
				sum += out[j]
			}
			out[j] = sum
		}
	}
}

// poolSumReluGeneric is the loop of the global average pool of max(x, 0) for one
// image of pixels in rows of len(y):
//
//	y[j] = f * Σ_t<taps max(x[t*len(y) + j], 0)
func poolSumReluGeneric(y, x []float32, taps int, f float32) {
	clear(y)
	for t := range taps {
		in := x[t*len(y):][:len(y)]
		for j, v := range in {
			y[j] += max(v, 0)
		}
	}
	for j := range y {
		y[j] *= f
	}
}

// maxPoolGradGeneric is the loop of [MaxPoolBackward] for one image.
func maxPoolGradGeneric(dx, dy []float32, idx []uint8, p Pool, acc bool) {
	var tap [256]int // floats from the first tap to each
	for t := range p.K * p.K {
		tap[t] = (t/p.K*p.W + t%p.K) * p.C
	}
	if !acc {
		clear(dx)
	}
	for oy := range p.OH {
		for ox := range p.OW {
			o := (oy*p.OW + ox) * p.C
			d, at := dy[o:][:p.C], idx[o:][:p.C]
			origin := ((oy*p.Stride-p.PadTop)*p.W + ox*p.Stride - p.PadLeft) * p.C
			for j, v := range d {
				dx[origin+tap[at[j]]+j] += v
			}
		}
	}
}
