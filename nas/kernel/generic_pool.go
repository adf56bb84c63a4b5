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
