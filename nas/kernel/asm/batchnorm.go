package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// batchnormFamily is the sums and affine maps of batch normalisation, over rows
// of a period of channels: a whole number of vectors.
func batchnormFamily() {
	columnSums("bnSumsVec", "sum[j] += x[i,j]-shift[j]; square[j] += (x[i,j]-shift[j])²",
		"sum, square, x, shift", []string{"x"}, "shift", []string{"sum", "square"},
		func(in []operand.Mem, k reg.VecVirtual, sums []reg.VecVirtual) {
			d := vec()
			VMOVUPS(in[0], d)
			VSUBPS(k, d, d)
			VADDPS(d, sums[0], sums[0])
			VFMADD231PS(d, d, sums[1])
		})
	columnSums("bnGradSumsVec", "sum[j] += dy[i,j]; product[j] += dy[i,j]*(x[i,j]-mean[j])",
		"sum, product, dy, x, mean", []string{"dy", "x"}, "mean", []string{"sum", "product"},
		func(in []operand.Mem, k reg.VecVirtual, sums []reg.VecVirtual) {
			d, x := vec(), vec()
			VMOVUPS(in[0], d)
			VMOVUPS(in[1], x)
			VSUBPS(k, x, x)
			VADDPS(d, sums[0], sums[0])
			VFMADD231PS(d, x, sums[1])
		})
	rowMap("bnApplyVec", "y[i,j] = (x[i,j]-mean[j])*scale[j] + beta[j]",
		"y", []string{"x"}, []string{"mean", "scale", "beta"},
		func(in, k []operand.Mem) reg.VecVirtual {
			x, f := vec(), vec()
			VMOVUPS(in[0], x)
			VSUBPS(k[0], x, x)
			VMOVUPS(k[1], f)
			VFMADD213PS(k[2], f, x)
			return x
		})
	rowMap("bnGradVec", "dx[i,j] = a[j]*dy[i,j] + b[j]*(x[i,j]-mean[j]) + d[j]",
		"dx", []string{"dy", "x"}, []string{"mean", "a", "b", "d"},
		func(in, k []operand.Mem) reg.VecVirtual {
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
}

// columnSums writes a kernel that adds down the columns of matrices of rows of
// w bytes, for panels of 4, 2 and 1 vectors.
func columnSums(name, loop, args string, ins []string, constant string, outs []string, add func(in []operand.Mem, k reg.VecVirtual, sums []reg.VecVirtual)) {
	TEXT(name, NOSPLIT, "func("+args+" *float32, rows, w int)")
	Pragma("noescape")
	Doc(name+" computes, for rows of w bytes, a whole number of vectors,", "", "\tfor i < rows, j: "+loop, "")
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
	for _, vecs := range []int{4, 2, 1} {
		top, end := label("panel"), label("next")
		Label(top)
		CMPQ(left, operand.U32(vecs*vector))
		JL(operand.LabelRef(end))
		ks := vectors(vecs)
		sums := make([][]reg.VecVirtual, vecs)
		for v := range vecs {
			VMOVUPS(at(k, v*vector), ks[v])
			sums[v] = vectors(len(outs))
			for o := range outs {
				VMOVUPS(at(out[o], v*vector), sums[v][o])
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
			var m []operand.Mem
			for i := range p {
				m = append(m, at(p[i], v*vector))
			}
			add(m, ks[v], sums[v])
		}
		for i := range p {
			ADDQ(w, p[i])
		}
		DECQ(rows)
		JNZ(operand.LabelRef(loop))
		for v := range vecs {
			for o := range outs {
				VMOVUPS(sums[v][o], at(out[o], v*vector))
			}
		}
		for _, r := range append(append([]reg.GPVirtual{k}, in...), out...) {
			ADDQ(operand.U32(vecs*vector), r)
		}
		SUBQ(operand.U32(vecs*vector), left)
		JMP(operand.LabelRef(top))
		Label(end)
	}
	VZEROUPPER()
	RET()
}

// rowMap writes a kernel that maps rows of w bytes, with vectors of constants
// of that length.
func rowMap(name, loop, out string, ins, constants []string, body func(in, k []operand.Mem) reg.VecVirtual) {
	args := out
	for _, a := range append(append([]string{}, ins...), constants...) {
		args += ", " + a
	}
	TEXT(name, NOSPLIT, "func("+args+" *float32, rows, w int)")
	Pragma("noescape")
	Doc(name+" computes, for rows of w bytes, a whole number of vectors,", "", "\tfor i < rows, j: "+loop, "")
	// All pointers go to the end of their row, for an index from -w to 0.
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
	row, next := label("row"), label("rest")
	Label(row)
	MOVQ(w, i)
	NEGQ(i)
	step := func(vecs int) {
		for v := range vecs {
			mem := func(ps []reg.GPVirtual) (m []operand.Mem) {
				for _, p := range ps {
					m = append(m, indexed(p, i, 1, v*vector))
				}
				return m
			}
			VMOVUPS(body(mem(in), mem(k)), indexed(y, i, 1, v*vector))
		}
		ADDQ(operand.U32(vecs*vector), i)
	}
	four, end := label("four"), label("end")
	Label(four)
	CMPQ(i, operand.I32(-4*vector))
	JG(operand.LabelRef(next))
	step(4)
	JMP(operand.LabelRef(four))
	Label(next)
	TESTQ(i, i)
	JZ(operand.LabelRef(end))
	one := label("one")
	Label(one)
	step(1)
	JNZ(operand.LabelRef(one))
	Label(end)
	for _, p := range append([]reg.GPVirtual{y}, in...) {
		ADDQ(w, p)
	}
	DECQ(rows)
	JNZ(operand.LabelRef(row))
	VZEROUPPER()
	RET()
}

// infer writes the normalisation by moving statistics, for which there is no
// scratch: a vector of channels at a time, down all rows.
func infer() {
	TEXT("bnInferVec", NOSPLIT, "func(y, x, gamma, beta, mean, variance *float32, rows, c int, tail *int32, eps float32)")
	Pragma("noescape")
	Doc("bnInferVec computes, for c channels, with the mask of the last c%8,", "",
		"\tfor i < rows, j < c: y[i,j] = (x[i,j]-mean[j])*(gamma[j]/sqrt(variance[j]+eps)) + beta[j]", "")
	y, x, gamma, beta, mean, variance := load("y"), load("x"), load("gamma"), load("beta"), load("mean"), load("variance")
	c, step := load("c"), load("c")
	SHLQ(operand.Imm(2), step)
	eps, mask := vec(), vec()
	VBROADCASTSS(arg("eps"), eps)
	column := func(mask reg.VecVirtual) {
		get := func(m operand.Mem, v reg.VecVirtual) {
			if mask != nil {
				VMASKMOVPS(m, mask, v)
			} else {
				VMOVUPS(m, v)
			}
		}
		g, b, mu, f := vec(), vec(), vec(), vec()
		get(at(gamma, 0), g)
		get(at(beta, 0), b)
		get(at(mean, 0), mu)
		get(at(variance, 0), f)
		VADDPS(eps, f, f)
		VSQRTPS(f, f)
		VDIVPS(f, g, f)
		px, py, rows := GP64(), GP64(), load("rows")
		MOVQ(x, px)
		MOVQ(y, py)
		loop := label("row")
		Label(loop)
		v := vec()
		get(at(px, 0), v)
		VSUBPS(mu, v, v)
		VFMADD213PS(b, f, v)
		if mask != nil {
			VMASKMOVPS(v, mask, at(py, 0))
		} else {
			VMOVUPS(v, at(py, 0))
		}
		ADDQ(step, px)
		ADDQ(step, py)
		DECQ(rows)
		JNZ(operand.LabelRef(loop))
	}
	top, rest, end := label("columns"), label("rest"), label("end")
	Label(top)
	CMPQ(c, operand.Imm(8))
	JL(operand.LabelRef(rest))
	column(nil)
	for _, p := range []reg.GPVirtual{y, x, gamma, beta, mean, variance} {
		ADDQ(operand.Imm(uint64(vector)), p)
	}
	SUBQ(operand.Imm(8), c)
	JMP(operand.LabelRef(top))
	Label(rest)
	TESTQ(c, c)
	JZ(operand.LabelRef(end))
	t := load("tail")
	VMOVUPS(at(t, 0), mask)
	column(mask)
	Label(end)
	VZEROUPPER()
	RET()
}
