package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gemmFamily is the matrix products. A panel is 1 to 3 vectors of columns of C;
// the suffix m of a name says that its last vector is masked.
func gemmFamily() {
	for _, p := range []panel{
		{vecs: 1, tiles: []int{6, 2, 1}},
		{vecs: 1, masked: true, tiles: []int{6, 2, 1}},
		{vecs: 2, tiles: []int{6, 4, 2, 1}},
		{vecs: 2, masked: true, tiles: []int{6, 4, 2, 1}},
		{vecs: 3, tiles: []int{4, 2, 1}},
	} {
		p.product()
	}
	for _, p := range []panel{
		{vecs: 1, tiles: []int{8, 4, 2, 1}},
		{vecs: 1, masked: true, tiles: []int{8, 4, 2, 1}},
		{vecs: 2, tiles: []int{6, 4, 2, 1}},
		{vecs: 2, masked: true, tiles: []int{6, 4, 2, 1}},
		{vecs: 3, tiles: []int{4, 2, 1}},
	} {
		p.gradient()
	}
}

// panel is the columns of C that one kernel computes and the heights of the
// tiles it holds in registers, tallest first.
type panel struct {
	vecs   int
	masked bool
	tiles  []int
	mask   reg.VecVirtual
	tail   reg.Register // floats of the masked vector, where it is stored often
}

func (p *panel) name(stem string) string {
	s := fmt.Sprintf("%s%d", stem, p.vecs)
	if p.masked {
		s += "m"
	}
	return s
}

func (p *panel) maskArg() string {
	if p.masked {
		return ", mask *int32"
	}
	return ""
}

func (p *panel) loadMask() {
	if p.masked {
		m := load("mask")
		p.mask = vec()
		VMOVUPS(at(m, 0), p.mask)
	}
}

// row loads the panel's columns of the row at b.
func (p *panel) row(b reg.Register, to []reg.VecVirtual) {
	for v := range p.vecs {
		p.load(at(b, v*vector), v, to[v])
	}
}

func (p *panel) load(from operand.Mem, v int, to reg.VecVirtual) {
	if p.masked && v == p.vecs-1 {
		VMASKMOVPS(from, p.mask, to)
	} else {
		VMOVUPS(from, to)
	}
}

func (p *panel) store(v int, from reg.VecVirtual, to operand.Mem) {
	switch {
	case !p.masked || v < p.vecs-1:
		VMOVUPS(from, to)
	case p.tail != nil:
		p.storeTail(from, to)
	default:
		VMASKMOVPS(from, p.mask, to)
	}
}

// storeTail writes the first tail floats of a vector, and spoils it. A masked
// store would take AMD's processors a dozen cycles.
func (p *panel) storeTail(from reg.VecVirtual, to operand.Mem) {
	two, one, end := label("two"), label("one"), label("end")
	next, x := GP64(), from.AsX()
	LEAQ(to, next)
	TESTQ(operand.U32(4), p.tail)
	JZ(operand.LabelRef(two))
	VMOVUPS(x, at(next, 0))
	ADDQ(operand.Imm(16), next)
	VEXTRACTF128(operand.Imm(1), from.AsY(), x)
	Label(two)
	TESTQ(operand.U32(2), p.tail)
	JZ(operand.LabelRef(one))
	VMOVLPS(x, at(next, 0))
	ADDQ(operand.Imm(8), next)
	VPERMILPS(operand.Imm(0xe), x, x)
	Label(one)
	TESTQ(operand.U32(1), p.tail)
	JZ(operand.LabelRef(end))
	VMOVSS(x, at(next, 0))
	Label(end)
}

// addStore adds C at the address to sum, and writes it there.
func (p *panel) addStore(v int, sum reg.VecVirtual, to operand.Mem) {
	if p.masked && v == p.vecs-1 {
		t := vec()
		VMASKMOVPS(to, p.mask, t)
		VADDPS(t, sum, sum)
	} else {
		VADDPS(to, sum, sum)
	}
	p.store(v, sum, to)
}

// product is the kernel of gemmGeneric for one panel.
func (p panel) product() {
	tailArg := p.maskArg()
	if p.masked {
		tailArg += ", tail int"
	}
	TEXT(p.name("gemmPanel"), NOSPLIT, "func(c, a, b *float32, m, ldc, ldb, width, pixel, skip, segs, k, seg int, acc bool"+tailArg+")")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s computes %d columns of C, the last vector under the mask if there is one;", p.name("gemmPanel"), 8*p.vecs),
		"k, and all distances in bytes. Rows of A are pixel apart, and skip more after each width of them:",
		"",
		"\tfor i < m, j: C[i,j] (+)= Σ_s<segs, p<k A[row(i) + s*seg + p] * B[s*k+p, j]")
	p.loadMask()
	next, left := load("a"), load("width")
	ADDQ(arg("k"), next) // the index of k runs from -k to 0
	c := load("c")
	ldb := load("ldb")
	for _, rows := range p.tiles {
		top, end := label("tile"), label("next")
		Label(top)
		CMPQ(arg("m"), operand.Imm(uint64(rows)))
		JL(operand.LabelRef(end))
		SUBQ(operand.Imm(uint64(rows)), arg("m"))
		p.productTile(rows, c, next, left, ldb)
		JMP(operand.LabelRef(top))
		Label(end)
	}
	VZEROUPPER()
	RET()
}

// productTile computes rows x panel of C.
func (p *panel) productTile(rows int, c, next, left, ldb reg.GPVirtual) {
	Comment(fmt.Sprintf("Where the %d rows of A begin.", rows))
	a := make([]reg.GPVirtual, rows)
	for r := range a {
		a[r] = GP64()
		same := label("line")
		MOVQ(next, a[r])
		ADDQ(arg("pixel"), next)
		DECQ(left)
		JNZ(operand.LabelRef(same))
		ADDQ(arg("skip"), next)
		MOVQ(arg("width"), left)
		Label(same)
	}
	// One vector of columns has few sums: even and odd k get their own, to hide
	// the latency of the additions.
	twice := p.vecs == 1 && rows > 2
	sums := [2][][]reg.VecVirtual{}
	for half := range 2 {
		for range rows {
			v := vectors(p.vecs)
			if half == 0 || twice {
				zero(v...)
			}
			sums[half] = append(sums[half], v)
		}
	}
	b, segs, k := load("b"), load("segs"), GP64()
	segment, loop, done := label("segment"), label("k"), label("sum")
	Label(segment)
	MOVQ(arg("k"), k)
	NEGQ(k)
	step := func(half int) {
		bs := vectors(p.vecs)
		p.row(b, bs)
		ADDQ(ldb, b)
		for r := range a {
			v := vec()
			VBROADCASTSS(indexed(a[r], k, 1, 0), v)
			for j := range bs {
				VFMADD231PS(bs[j], v, sums[half][r][j])
			}
		}
		ADDQ(operand.Imm(4), k)
	}
	if !twice {
		Label(loop)
		step(0)
		JNZ(operand.LabelRef(loop))
	} else {
		odd := label("even")
		TESTQ(operand.U32(4), k)
		JZ(operand.LabelRef(odd))
		step(0)
		JZ(operand.LabelRef(done + "s"))
		Label(odd)
		Label(loop)
		step(0)
		step(1)
		JNZ(operand.LabelRef(loop))
		Label(done + "s")
	}
	DECQ(segs)
	JZ(operand.LabelRef(done))
	for r := range a {
		ADDQ(arg("seg"), a[r])
	}
	JMP(operand.LabelRef(segment))
	Label(done)
	if twice {
		for r := range a {
			VADDPS(sums[1][r][0], sums[0][r][0], sums[0][r][0])
		}
	}
	over, end := label("overwrite"), label("stored")
	if p.masked {
		p.tail = load("tail")
	}
	CMPB(arg("acc"), operand.Imm(0))
	JE(operand.LabelRef(over))
	for r := range a {
		for v := range p.vecs {
			p.addStore(v, sums[0][r][v], at(c, v*vector))
		}
		ADDQ(arg("ldc"), c)
	}
	JMP(operand.LabelRef(end))
	Label(over)
	for r := range a {
		for v := range p.vecs {
			p.store(v, sums[0][r][v], at(c, v*vector))
		}
		ADDQ(arg("ldc"), c)
	}
	Label(end)
}

// gradient is the kernel of gemmTNGeneric for one panel.
func (p panel) gradient() {
	TEXT(p.name("gemmTNPanel"), NOSPLIT, "func(c, a, d *float32, k, ldc, ldd, lines, width, pixel, skip int"+p.maskArg()+")")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s computes %d columns of C, the last vector under the mask if there is one;", p.name("gemmTNPanel"), 8*p.vecs),
		"k counts, distances are in bytes. A has lines*width rows, pixel apart, and skip more after each line:",
		"",
		"\tfor p < k, j: C[p,j] += Σ_i A[row(i) + p] * D[i,j]")
	p.loadMask()
	c, a, k := load("c"), load("a"), load("k")
	pixel, ldd := load("pixel"), load("ldd")
	for _, rows := range p.tiles {
		top, end := label("tile"), label("next")
		Label(top)
		CMPQ(k, operand.Imm(uint64(rows)))
		JL(operand.LabelRef(end))
		if rows == 6 { // 8 rows are two tiles of 4, not 6 and 2
			CMPQ(k, operand.Imm(8))
			JE(operand.LabelRef(end))
		}
		sums := make([][]reg.VecVirtual, rows)
		for r := range sums {
			sums[r] = vectors(p.vecs)
			zero(sums[r]...)
		}
		pa, pd, lines, left := GP64(), load("d"), load("lines"), GP64()
		MOVQ(a, pa)
		line, loop := label("line"), label("row")
		Label(line)
		MOVQ(arg("width"), left)
		Label(loop)
		ds := vectors(p.vecs)
		p.row(pd, ds)
		for r := range sums {
			v := vec()
			VBROADCASTSS(at(pa, 4*r), v)
			for j := range ds {
				VFMADD231PS(ds[j], v, sums[r][j])
			}
		}
		ADDQ(pixel, pa)
		ADDQ(ldd, pd)
		DECQ(left)
		JNZ(operand.LabelRef(loop))
		ADDQ(arg("skip"), pa)
		DECQ(lines)
		JNZ(operand.LabelRef(line))
		for r := range sums {
			for v := range p.vecs {
				p.addStore(v, sums[r][v], at(c, v*vector))
			}
			ADDQ(arg("ldc"), c)
		}
		ADDQ(operand.Imm(uint64(4*rows)), a)
		SUBQ(operand.Imm(uint64(rows)), k)
		JMP(operand.LabelRef(top))
		Label(end)
	}
	VZEROUPPER()
	RET()
}
