package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// batchnormFamily writes the sums and affine maps of batch normalisation, over
// rows of one period of channels. A row is a whole number of vectors, unless a
// masked last vector costs no more.
func batchnormFamily() {
	columnSums("bnSumsVec", "sum[j] += x[i,j]-shift[j]; square[j] += (x[i,j]-shift[j])²",
		"sum, square, x, shift", []string{"x"}, "shift", []string{"sum", "square"},
		func(in func(i int) reg.VecVirtual, k reg.VecVirtual, sums []reg.VecVirtual) {
			d := in(0)
			VSUBPS(k, d, d)
			VADDPS(d, sums[0], sums[0])
			VFMADD231PS(d, d, sums[1])
		})
	columnSums("bnGradSumsVec", "sum[j] += dy[i,j]; product[j] += dy[i,j]*(x[i,j]-mean[j])",
		"sum, product, dy, x, mean", []string{"dy", "x"}, "mean", []string{"sum", "product"},
		func(in func(i int) reg.VecVirtual, k reg.VecVirtual, sums []reg.VecVirtual) {
			d, x := in(0), in(1)
			VSUBPS(k, x, x)
			VADDPS(d, sums[0], sums[0])
			VFMADD231PS(d, x, sums[1])
		})
	rowMap("bnApplyVec", "y[i,j] = (x[i,j]-mean[j])*scale[j] + beta[j]",
		"y", []string{"x"}, []string{"mean", "scale", "beta"},
		func(in, k []operand.Op) reg.VecVirtual {
			x, f := vec(), vec()
			VMOVUPS(in[0], x)
			VSUBPS(k[0], x, x)
			VMOVUPS(k[1], f)
			VFMADD213PS(k[2], f, x)
			return x
		})
	rowMap("bnGradVec", "dx[i,j] = a[j]*dy[i,j] + b[j]*(x[i,j]-mean[j]) + d[j]",
		"dx", []string{"dy", "x"}, []string{"mean", "a", "b", "d"},
		func(in, k []operand.Op) reg.VecVirtual {
			sum, x, f := vec(), vec(), vec()
			VMOVUPS(in[1], x)
			VSUBPS(k[0], x, x)
			VMOVUPS(k[3], sum)
			VFMADD231PS(k[2], x, sum)
			VMOVUPS(in[0], f)
			VFMADD231PS(k[1], f, sum)
			return sum
		})
	infer()
	normaliseRows()
}

// normaliseRows writes bnRowsGeneric; without masks, rows must be whole vectors.
// A vector ends where the row or the period does.
func normaliseRows() {
	whole := " (a whole number of vectors, as is width)"
	if wide {
		whole = ""
	}
	function("bnRowsVec", "func(y, x, mean, scale, beta *float32, rows, width, ldy, ldx, period int, floor float32)",
		"computes, for rows of width bytes, with mean, scale and beta of period bytes"+whole+
			"; ldy and ldx are in bytes:",
		"for i < rows, j < width, k = j%period: y[i*ldy+j] = max((x[i*ldx+j]-mean[k])*scale[k] + beta[k], floor), "+
			"or NaN where x is NaN")
	y, x, mean, scale, beta := load("y"), load("x"), load("mean"), load("scale"), load("beta")
	width, period, rows, start := load("width"), load("period"), load("rows"), GP64()
	floor := vec()
	VBROADCASTSS(arg("floor"), floor)
	XORQ(start, start)
	row, loop := label("row"), label("vector")
	Label(row)
	j, k := GP64(), GP64()
	XORQ(j, j)
	XORQ(k, k)
	Label(loop)
	step := func(mask reg.Register) {
		v, f := vec(), vec()
		get(indexed(x, j, 1, 0), mask, v)
		VSUBPS(source(indexed(mean, k, 1, 0), mask), v, v)
		get(indexed(scale, k, 1, 0), mask, f)
		VFMADD213PS(source(indexed(beta, k, 1, 0), mask), f, v)
		VMAXPS(v, floor, v) // of NaN and a number: the first operand
		put(v, mask, indexed(y, j, 1, 0))
	}
	if wide {
		part, next, n, left := label("part"), label("next"), GP64(), GP64()
		MOVQ(period, n)
		SUBQ(k, n)
		MOVQ(width, left)
		SUBQ(j, left)
		CMPQ(n, left)
		CMOVQGT(left, n)
		CMPQ(n, imm(vector))
		JL(operand.LabelRef(part))
		MOVQ(operand.U32(vector), n)
		step(nil)
		JMP(operand.LabelRef(next))
		Label(part)
		count := GP64()
		MOVQ(n, count)
		SHRQ(operand.Imm(2), count)
		step(firstLanes(count))
		Label(next)
		ADDQ(n, k)
		CMPQ(k, period)
		CMOVQEQ(start, k)
		ADDQ(n, j)
	} else {
		step(nil)
		ADDQ(imm(vector), k)
		CMPQ(k, period)
		CMOVQEQ(start, k)
		ADDQ(imm(vector), j)
	}
	CMPQ(j, width)
	JL(operand.LabelRef(loop))
	ADDQ(arg("ldy"), y)
	ADDQ(arg("ldx"), x)
	DECQ(rows)
	JNZ(operand.LabelRef(row))
	VZEROUPPER()
	RET()
}

// rowsOf begins the comment of a kernel.
func rowsOf() string {
	if wide {
		return "computes, for rows of w bytes,"
	}
	return "computes, for rows of w bytes (a whole number of vectors),"
}

// columnSums writes a kernel that adds down the columns of matrices with rows of
// w bytes, in panels of 4, 2 and 1 vectors. in loads a vector of an operand.
func columnSums(name, loop, args string, ins []string, constant string, outs []string,
	add func(in func(i int) reg.VecVirtual, k reg.VecVirtual, sums []reg.VecVirtual)) {
	function(name, "func("+args+" *float32, rows, w int)", rowsOf(), "for i < rows, j: "+loop)
	w, rows := load("w"), GP64()
	left := GP64()
	MOVQ(w, left)
	in, out := make([]reg.GPVirtual, len(ins)), make([]reg.GPVirtual, len(outs))
	for i, n := range ins {
		in[i] = load(n)
	}
	for i, n := range outs {
		out[i] = load(n)
	}
	k := load(constant)
	panel := func(vecs int, mask reg.Register) {
		ks := vectors(vecs)
		sums := make([][]reg.VecVirtual, vecs)
		for v := range vecs {
			get(at(k, v*vector), mask, ks[v])
			sums[v] = vectors(len(outs))
			for o := range outs {
				get(at(out[o], v*vector), mask, sums[v][o])
			}
		}
		p := make([]reg.GPVirtual, len(ins))
		for i := range p {
			p[i] = GP64()
			MOVQ(in[i], p[i])
		}
		MOVQ(arg("rows"), rows)
		loop := label("row")
		Label(loop)
		for v := range vecs {
			add(func(i int) reg.VecVirtual {
				x := vec()
				get(at(p[i], v*vector), mask, x)
				return x
			}, ks[v], sums[v])
		}
		for i := range p {
			ADDQ(w, p[i])
		}
		DECQ(rows)
		JNZ(operand.LabelRef(loop))
		for v := range vecs {
			for o := range outs {
				put(sums[v][o], mask, at(out[o], v*vector))
			}
		}
	}
	for _, vecs := range []int{4, 2, 1} {
		top, end := label("panel"), label("next")
		Label(top)
		CMPQ(left, operand.U32(vecs*vector))
		JL(operand.LabelRef(end))
		panel(vecs, nil)
		for _, r := range append(append([]reg.GPVirtual{k}, in...), out...) {
			ADDQ(operand.U32(vecs*vector), r)
		}
		SUBQ(operand.U32(vecs*vector), left)
		JMP(operand.LabelRef(top))
		Label(end)
	}
	if wide {
		end := label("end")
		SHRQ(operand.Imm(2), left)
		JZ(operand.LabelRef(end))
		panel(1, firstLanes(left))
		Label(end)
	}
	VZEROUPPER()
	RET()
}

// rowMap writes a kernel that maps rows of w bytes, with constants of the same
// length.
func rowMap(name, loop, out string, ins, constants []string, body func(in, k []operand.Op) reg.VecVirtual) {
	args := out
	for _, a := range append(append([]string{}, ins...), constants...) {
		args += ", " + a
	}
	function(name, "func("+args+" *float32, rows, w int)", rowsOf(), "for i < rows, j: "+loop)
	// All pointers are at the end of their row; the index runs from -w to 0.
	w, rows := load("w"), load("rows")
	var in, k []reg.GPVirtual
	ptr := func(name string) reg.GPVirtual {
		r := load(name)
		ADDQ(w, r)
		return r
	}
	y := ptr(out)
	for _, n := range ins {
		in = append(in, ptr(n))
	}
	for _, n := range constants {
		k = append(k, ptr(n))
	}
	i := GP64()
	var mask reg.Register
	if wide { // the rest after whole vectors
		n := GP64()
		MOVQ(w, n)
		SHRQ(operand.Imm(2), n)
		ANDQ(operand.Imm(uint64(lanes-1)), n)
		mask = firstLanes(n)
	}
	row := label("row")
	Label(row)
	MOVQ(w, i)
	NEGQ(i)
	step := func(vecs int, mask reg.Register) {
		for v := range vecs {
			operands := func(ps []reg.GPVirtual) (ops []operand.Op) {
				for _, p := range ps {
					ops = append(ops, source(indexed(p, i, 1, v*vector), mask))
				}
				return ops
			}
			put(body(operands(in), operands(k)), mask, indexed(y, i, 1, v*vector))
		}
		if mask == nil {
			ADDQ(operand.U32(vecs*vector), i)
		}
	}
	end := label("end")
	if wide {
		for _, vecs := range []int{4, 2, 1} {
			loop, next := label("loop"), label("next")
			Label(loop)
			CMPQ(i, operand.I32(-vecs*vector))
			JG(operand.LabelRef(next))
			step(vecs, nil)
			JMP(operand.LabelRef(loop))
			Label(next)
		}
		TESTQ(i, i)
		JZ(operand.LabelRef(end))
		step(1, mask)
	} else {
		four, one, next := label("four"), label("one"), label("next")
		Label(four)
		CMPQ(i, operand.I32(-4*vector))
		JG(operand.LabelRef(next))
		step(4, nil)
		JMP(operand.LabelRef(four))
		Label(next)
		TESTQ(i, i)
		JZ(operand.LabelRef(end))
		Label(one)
		step(1, nil)
		JNZ(operand.LabelRef(one))
	}
	Label(end)
	for _, p := range append([]reg.GPVirtual{y}, in...) {
		ADDQ(w, p)
	}
	DECQ(rows)
	JNZ(operand.LabelRef(row))
	VZEROUPPER()
	RET()
}

// infer writes the normalisation with moving statistics. It has no scratch, so it
// takes one vector of channels at a time down all rows.
func infer() {
	first := "computes, for c channels,"
	if !wide {
		first = "computes, for c channels, with the mask of the last c%8,"
	}
	function("bnInferVec", "func(y, x, gamma, beta, mean, variance *float32, rows, c int"+tailArg()+
		", eps float32)", first,
		"for i < rows, j < c: y[i,j] = (x[i,j]-mean[j])*(gamma[j]/sqrt(variance[j]+eps)) + beta[j]")
	y, x, gamma, beta, mean, variance := load("y"), load("x"), load("gamma"), load("beta"), load("mean"),
		load("variance")
	c, step := load("c"), load("c")
	SHLQ(operand.Imm(2), step)
	eps := vec()
	VBROADCASTSS(arg("eps"), eps)
	column := func(mask reg.Register) {
		g, b, mu, f := vec(), vec(), vec(), vec()
		get(at(gamma, 0), mask, g)
		get(at(beta, 0), mask, b)
		get(at(mean, 0), mask, mu)
		get(at(variance, 0), mask, f)
		VADDPS(eps, f, f)
		VSQRTPS(f, f)
		VDIVPS(f, g, f)
		px, py, rows := GP64(), GP64(), load("rows")
		MOVQ(x, px)
		MOVQ(y, py)
		loop := label("row")
		Label(loop)
		v := vec()
		get(at(px, 0), mask, v)
		VSUBPS(mu, v, v)
		VFMADD213PS(b, f, v)
		put(v, mask, at(py, 0))
		ADDQ(step, px)
		ADDQ(step, py)
		DECQ(rows)
		JNZ(operand.LabelRef(loop))
	}
	top, rest, end := label("columns"), label("rest"), label("end")
	Label(top)
	CMPQ(c, operand.Imm(uint64(lanes)))
	JL(operand.LabelRef(rest))
	column(nil)
	for _, p := range []reg.GPVirtual{y, x, gamma, beta, mean, variance} {
		ADDQ(operand.Imm(uint64(vector)), p)
	}
	SUBQ(operand.Imm(uint64(lanes)), c)
	JMP(operand.LabelRef(top))
	Label(rest)
	TESTQ(c, c)
	JZ(operand.LabelRef(end))
	column(tailMask(c))
	Label(end)
	VZEROUPPER()
	RET()
}
