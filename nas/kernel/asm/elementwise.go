package main

import (
	"fmt"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// elementwiseFamily writes the loops over corresponding elements of a few
// slices.
func elementwiseFamily() {
	elementwise{name: "reluVec", loop: "y[i] = max(x[i], 0), and NaN where x[i] is", outs: []string{"y"},
		ins: []string{"x"}, wide: 4,
		body: func(in, s []reg.VecVirtual) []reg.VecVirtual {
			VMAXPS(in[0], s[0], in[0]) // of NaN and a number: the first operand, x
			return in
		}}.write()
	elementwise{name: "reluBackwardVec", loop: "dx[i] = dy[i] where x[i] > 0, else 0", outs: []string{"dx"},
		ins: []string{"dy", "x"}, wide: 4,
		body: func(in, s []reg.VecVirtual) []reg.VecVirtual {
			keepPositive(in[0], in[1], s[0])
			return in[:1]
		}}.write()
	elementwise{name: "addVec", loop: "y[i] = a[i] + b[i]", outs: []string{"y"}, ins: []string{"a", "b"}, wide: 4,
		body: func(in, s []reg.VecVirtual) []reg.VecVirtual {
			VADDPS(in[0], in[1], in[0])
			return in[:1]
		}}.write()
	elementwise{name: "kahanVec", loop: "v = part[i] - lo[i]; t = hi[i] + v; lo[i] = (t - hi[i]) - v; hi[i] = t",
		outs: []string{"hi", "lo"}, ins: []string{"hi", "lo", "part"}, wide: 2,
		body: func(in, s []reg.VecVirtual) []reg.VecVirtual {
			hi, lo, v, t := in[0], in[1], in[2], vec()
			VSUBPS(lo, v, v)
			VADDPS(v, hi, t)
			VSUBPS(hi, t, lo)
			VSUBPS(v, lo, lo)
			return []reg.VecVirtual{t, lo}
		}}.write()
	elementwise{name: "scaleVec", loop: "y[i] = x[i] * f", outs: []string{"y"}, ins: []string{"x"},
		scalars: []string{"f"}, wide: 4,
		body: func(in, s []reg.VecVirtual) []reg.VecVirtual {
			VMULPS(in[0], s[1], in[0])
			return in
		}}.write()
	elementwise{name: "sgdVec", loop: "d = dw[i] + decay*w[i]; v[i] = momentum*v[i] + d; w[i] -= lr*v[i]",
		outs: []string{"w", "v"}, ins: []string{"w", "dw", "v"}, scalars: []string{"lr", "momentum", "decay"}, wide: 2,
		body: func(in, s []reg.VecVirtual) []reg.VecVirtual {
			w, g, v := in[0], in[1], in[2]
			VFMADD231PS(w, s[3], g) // d
			VFMADD132PS(s[2], g, v) // v
			VFNMADD231PS(v, s[1], w)
			return []reg.VecVirtual{w, v}
		}}.write()
	elementwise{name: "nesterovVec", loop: "d = dw[i] + decay*w[i]; v[i] = momentum*v[i] + d; w[i] -= lr*(d + " +
		"momentum*v[i])",
		outs: []string{"w", "v"}, ins: []string{"w", "dw", "v"}, scalars: []string{"lr", "momentum", "decay"}, wide: 2,
		body: func(in, s []reg.VecVirtual) []reg.VecVirtual {
			w, g, v := in[0], in[1], in[2]
			VFMADD231PS(w, s[3], g) // d
			VFMADD132PS(s[2], g, v) // v
			VFMADD231PS(v, s[2], g) // d + momentum*v
			VFNMADD231PS(g, s[1], w)
			return []reg.VecVirtual{w, v}
		}}.write()
	elementwise{name: "rmspropVec",
		loop: "ms[i] = rho*ms[i] + rest*dw[i]²; mom[i] = momentum*mom[i] + lr*dw[i]/sqrt(ms[i]+eps); w[i] -= mom[i] " +
			"+ shrink*w[i]",
		outs: []string{"w", "ms", "mom"}, ins: []string{"w", "dw", "ms", "mom"},
		scalars: []string{"lr", "rho", "rest", "momentum", "eps", "shrink"}, wide: 1,
		body: func(in, s []reg.VecVirtual) []reg.VecVirtual {
			w, dw, ms, mom := in[0], in[1], in[2], in[3]
			t := vec()
			VMULPS(dw, dw, t)
			VMULPS(s[3], t, t)
			VFMADD132PS(s[2], t, ms) // ms
			VADDPS(s[5], ms, t)
			VSQRTPS(t, t)
			VMULPS(s[1], dw, dw)
			VDIVPS(t, dw, dw)
			VFMADD132PS(s[4], dw, mom) // mom
			VMOVAPS(mom, t)
			VFMADD231PS(s[6], w, t)
			VSUBPS(t, w, w)
			return []reg.VecVirtual{w, ms, mom}
		}}.write()
}

// keepPositive zeroes the lanes of v where x is not greater than zero, a vector
// of zeros. It may overwrite x.
func keepPositive(v, x, zero reg.VecVirtual) {
	const notGreaterOrEqual = 9
	if wide {
		k := K()
		VCMPPS(operand.U8(notGreaterOrEqual), x, zero, k) // !(0 >= x)
		VMOVAPS_Z(v, k, v)
		return
	}
	VCMPPS(operand.U8(notGreaterOrEqual), x, zero, x)
	VANDPS(v, x, v)
}

// elementwise is a loop over corresponding elements of slices.
type elementwise struct {
	name, loop string
	outs, ins  []string
	scalars    []string
	wide       int // vectors in the unrolled loop
	// body computes the outs from a vector of each of the ins, which it may
	// overwrite; s is zero and the scalars.
	body func(in, s []reg.VecVirtual) []reg.VecVirtual
}

func (e elementwise) write() {
	args := slices.Clone(e.outs)
	for _, in := range e.ins {
		if !slices.Contains(args, in) {
			args = append(args, in)
		}
	}
	pointers := slices.Clone(args)
	sig := fmt.Sprintf("func(%s *float32, n int%s", strings.Join(args, ", "), tailArg())
	if len(e.scalars) > 0 {
		sig += ", " + strings.Join(e.scalars, ", ") + " float32"
	}
	first := "computes, for i in [0, n),"
	if !wide {
		first = "computes, for i in [0, n), with the mask of the last n%8,"
	}
	function(e.name, sig+")", first, e.loop)
	p := map[string]reg.GPVirtual{}
	for _, a := range pointers {
		p[a] = load(a)
	}
	n := load("n")
	s := vectors(1 + len(e.scalars))
	zero(s[0])
	for i, name := range e.scalars {
		VBROADCASTSS(arg(name), s[1+i])
	}
	block := func(count int, mask reg.Register) {
		for i := range count {
			var in []reg.VecVirtual
			for _, name := range e.ins {
				v := vec()
				get(at(p[name], i*vector), mask, v)
				in = append(in, v)
			}
			for o, v := range e.body(in, s) {
				put(v, mask, at(p[e.outs[o]], i*vector))
			}
		}
		if mask == nil {
			for _, a := range pointers {
				ADDQ(imm(count*vector), p[a])
			}
		}
	}
	for _, count := range slices.Compact([]int{e.wide, 1}) {
		loop, end := label("loop"), label("end")
		SUBQ(imm(lanes*count), n)
		JL(operand.LabelRef(end))
		Label(loop)
		block(count, nil)
		SUBQ(imm(lanes*count), n)
		JGE(operand.LabelRef(loop))
		Label(end)
		ADDQ(imm(lanes*count), n)
	}
	done := label("done")
	TESTQ(n, n)
	JZ(operand.LabelRef(done))
	block(1, tailMask(n))
	Label(done)
	VZEROUPPER()
	RET()
}
