package kernel

import "math"

// bnSumsGeneric computes, with w = len(shift), for i in [0, rows), j in [0, w),
//
//	sum[j] += x[i*w+j]-shift[j];  square[j] += (x[i*w+j]-shift[j])²
func bnSumsGeneric(sum, square, x, shift []float32, rows int) {
	w := len(shift)
	x = x[:rows*w]
	j := 0
	for ; j+4 <= w; j += 4 {
		k := shift[j : j+4 : j+4]
		k0, k1, k2, k3 := k[0], k[1], k[2], k[3]
		var s0, s1, s2, s3, q0, q1, q2, q3 float32
		for i := j; i < len(x); i += w {
			v := x[i : i+4 : i+4]
			d0, d1, d2, d3 := v[0]-k0, v[1]-k1, v[2]-k2, v[3]-k3
			s0 += d0
			q0 += d0 * d0
			s1 += d1
			q1 += d1 * d1
			s2 += d2
			q2 += d2 * d2
			s3 += d3
			q3 += d3 * d3
		}
		s, q := sum[j:j+4:j+4], square[j:j+4:j+4]
		s[0], s[1], s[2], s[3] = s[0]+s0, s[1]+s1, s[2]+s2, s[3]+s3
		q[0], q[1], q[2], q[3] = q[0]+q0, q[1]+q1, q[2]+q2, q[3]+q3
	}
	for ; j < w; j++ {
		for i := j; i < len(x); i += w {
			d := x[i] - shift[j]
			sum[j] += d
			square[j] += d * d
		}
	}
}

// bnGradSumsGeneric computes, with w = len(mean),
//
//	sum[j] += dy[i*w+j];  product[j] += dy[i*w+j]*(x[i*w+j]-mean[j])
func bnGradSumsGeneric(sum, product, dy, x, mean []float32, rows int) {
	w := len(mean)
	x = x[:rows*w]
	dy = dy[:len(x)]
	j := 0
	for ; j+4 <= w; j += 4 {
		k := mean[j : j+4 : j+4]
		k0, k1, k2, k3 := k[0], k[1], k[2], k[3]
		var s0, s1, s2, s3, q0, q1, q2, q3 float32
		for i := j; i < len(x); i += w {
			v, d := x[i:i+4:i+4], dy[i:i+4:i+4]
			d0, d1, d2, d3 := d[0], d[1], d[2], d[3]
			s0 += d0
			q0 += d0 * (v[0] - k0)
			s1 += d1
			q1 += d1 * (v[1] - k1)
			s2 += d2
			q2 += d2 * (v[2] - k2)
			s3 += d3
			q3 += d3 * (v[3] - k3)
		}
		s, q := sum[j:j+4:j+4], product[j:j+4:j+4]
		s[0], s[1], s[2], s[3] = s[0]+s0, s[1]+s1, s[2]+s2, s[3]+s3
		q[0], q[1], q[2], q[3] = q[0]+q0, q[1]+q1, q[2]+q2, q[3]+q3
	}
	for ; j < w; j++ {
		for i := j; i < len(x); i += w {
			sum[j] += dy[i]
			product[j] += dy[i] * (x[i] - mean[j])
		}
	}
}

// bnApplyGeneric computes, with w = len(mean),
//
//	y[i*w+j] = (x[i*w+j]-mean[j])*scale[j] + beta[j]
func bnApplyGeneric(y, x, mean, scale, beta []float32, rows int) {
	w := len(mean)
	scale, beta = scale[:w], beta[:w]
	for i := range rows {
		out, in := y[i*w:][:w], x[i*w:][:w]
		for j, m := range mean {
			out[j] = (in[j]-m)*scale[j] + beta[j]
		}
	}
}

// bnGradGeneric computes, with w = len(mean),
//
//	dx[i*w+j] = a[j]*dy[i*w+j] + b[j]*(x[i*w+j]-mean[j]) + d[j]
func bnGradGeneric(dx, dy, x, mean, a, b, d []float32, rows int) {
	w := len(mean)
	a, b, d = a[:w], b[:w], d[:w]
	for i := range rows {
		out, g, in := dx[i*w:][:w], dy[i*w:][:w], x[i*w:][:w]
		for j, m := range mean {
			out[j] = a[j]*g[j] + b[j]*(in[j]-m) + d[j]
		}
	}
}

// bnInferGeneric computes, with c = len(gamma),
//
//	y[i*c+j] = (x[i*c+j]-mean[j])*(gamma[j]/sqrt(variance[j]+eps)) + beta[j]
func bnInferGeneric(y, x, gamma, beta, mean, variance []float32, rows int, eps float32) {
	c := len(gamma)
	var factor [64]float32 // there is no scratch: take the channels in parts
	for from := 0; from < c; from += len(factor) {
		f := factor[:min(len(factor), c-from)]
		for j := range f {
			f[j] = float32(float64(gamma[from+j]) / math.Sqrt(float64(variance[from+j])+float64(eps)))
		}
		mu, add := mean[from:][:len(f)], beta[from:][:len(f)]
		for i := range rows {
			in, out := x[i*c+from:][:len(f)], y[i*c+from:][:len(f)]
			for j, v := range in {
				out[j] = (v-mu[j])*f[j] + add[j]
			}
		}
	}
}

// bnRowsGeneric computes, for i < rows, j < width and k = j%len(mean),
//
//	y[i*ldy+j] = max((x[i*ldx+j]-mean[k])*scale[k] + beta[k], floor)
//
// and keeps NaN.
func bnRowsGeneric(y, x, mean, scale, beta []float32, rows, width, ldy, ldx int, floor float32) {
	scale, beta = scale[:len(mean)], beta[:len(mean)]
	for i := range rows {
		out, in := y[i*ldy:][:width], x[i*ldx:][:width]
		for len(out) > 0 {
			n := min(len(out), len(mean))
			for k, v := range in[:n] {
				out[k] = max((v-mean[k])*scale[k]+beta[k], floor)
			}
			out, in = out[n:], in[n:]
		}
	}
}
