package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gemmFamily writes the matrix products. A panel is 1 to 4 vectors of columns
// of C; the last vector is masked if the name ends in m. Tiles fill the
// registers: sums, a row of B and a broadcast value of A.
func gemmFamily() {
	products, gradients := panelsAVX2()
	if wide {
		products, gradients = panelsAVX512()
	}
	for _, p := range products {
		p.product()
	}
	for _, p := range gradients {
		p.gradient()
	}
}

func panelsAVX2() (products, gradients []panel) {
	return []panel{
			{vecs: 1, tiles: []int{6, 2, 1}},
			{vecs: 1, masked: true, tiles: []int{6, 2, 1}},
			{vecs: 2, tiles: []int{6, 4, 2, 1}},
			{vecs: 2, masked: true, tiles: []int{6, 4, 2, 1}},
			{vecs: 3, tiles: []int{4, 2, 1}},
		}, []panel{
			{vecs: 1, tiles: []int{8, 4, 2, 1}},
			{vecs: 1, masked: true, tiles: []int{8, 4, 2, 1}},
			{vecs: 2, tiles: []int{6, 4, 2, 1}},
			{vecs: 2, masked: true, tiles: []int{6, 4, 2, 1}},
			{vecs: 3, tiles: []int{4, 2, 1}},
		}
}

func panelsAVX512() (products, gradients []panel) {
	for vecs, tiles := range [][]int{1: {14, 8, 4, 2, 1}, 2: {12, 8, 4, 2, 1}, 3: {8, 4, 2, 1}, 4: {6, 4, 2, 1}} {
		tilesTN := tiles
		if vecs == 1 {
			tilesTN = []int{16, 8, 4, 2, 1}
		}
		for _, masked := range []bool{false, true} {
			if vecs > 0 && !(vecs == 4 && masked) {
				products = append(products, panel{vecs: vecs, masked: masked, tiles: tiles})
				gradients = append(gradients, panel{vecs: vecs, masked: masked, tiles: tilesTN})
			}
		}
	}
	return products, gradients
}

// panel describes the columns of C that one kernel computes, and lists the
// heights of the tiles it keeps in registers, tallest first.
type panel struct {
	vecs   int
	masked bool
	tiles  []int
	mask   reg.Register
	tail   reg.Register // floats of the masked vector, if it is stored often
}

func (p *panel) name(stem string) string {
	s := fmt.Sprintf("%s%d", stem, p.vecs)
	if p.masked {
		s += "m"
	}
	return s
}

// maskArg is the argument of a masked panel: the mask, or the number of lanes to
// make it from.
func (p *panel) maskArg() string {
	switch {
	case !p.masked:
		return ""
	case wide:
		return ", tail int"
	default:
		return ", mask *int32"
	}
}

func (p *panel) loadMask() {
	switch {
	case !p.masked:
	case wide:
		p.mask = firstLanes(load("tail"))
	default:
		m, mask := load("mask"), vec()
		VMOVUPS(at(m, 0), mask)
		p.mask = mask
	}
}

// of is the mask of vector v of the panel.
func (p *panel) of(v int) reg.Register {
	if p.masked && v == p.vecs-1 {
		return p.mask
	}
	return nil
}

// passOver jumps past the tiles of some rows if two lower tiles fit the count of
// rows better: 8 as 4 and 4, 16 as 8 and 8.
func passOver(rows int, count operand.Op, past string) {
	if two, ok := map[int]int{6: 8, 12: 16, 14: 16}[rows]; ok {
		CMPQ(count, operand.Imm(uint64(two)))
		JE(operand.LabelRef(past))
	}
}

// row loads the panel's columns of the row at b.
func (p *panel) row(b reg.Register, to []reg.VecVirtual) {
	for v := range p.vecs {
		get(at(b, v*vector), p.of(v), to[v])
	}
}

func (p *panel) store(v int, from reg.VecVirtual, to operand.Mem) {
	if p.of(v) != nil && p.tail != nil {
		storeTail(p.tail, from, to)
	} else {
		put(from, p.of(v), to)
	}
}

// addStore adds C at the address to sum, and writes it there.
func (p *panel) addStore(v int, sum reg.VecVirtual, to operand.Mem) {
	switch mask := p.of(v); {
	case mask == nil:
		VADDPS(to, sum, sum)
	case wide:
		VADDPS_Z(to, sum, mask, sum)
	default:
		t := vec()
		get(to, mask, t)
		VADDPS(t, sum, sum)
	}
	p.store(v, sum, to)
}

// columns begins the comment of a kernel.
func (p *panel) columns() string {
	if p.masked && wide {
		return fmt.Sprintf("computes %d columns of C and tail more.", lanes*(p.vecs-1))
	}
	if wide {
		return fmt.Sprintf("computes %d columns of C.", lanes*p.vecs)
	}
	return fmt.Sprintf("computes %d columns of C, with the last vector masked if there is a mask.", lanes*p.vecs)
}

// product is the kernel of gemmGeneric for one panel.
func (p panel) product() {
	tail := p.maskArg()
	if p.masked && !wide {
		tail += ", tail int"
	}
	function(p.name("gemmPanel"), "func(c, a, b *float32, m, ldc, ldb, width, pixel, skip, segs, k, seg int, acc "+
		"bool"+tail+")",
		p.columns()+" k and all distances are in bytes. Rows of A are pixel apart, and skip more after every width of "+
			"them:",
		"for i < m, j: C[i,j] (+)= Σ_s<segs, p<k A[row(i) + s*seg + p] * B[s*k+p, j]")
	p.loadMask()
	if wide {
		p.productLines()
		return
	}
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
	prefetch(c, rows*p.vecs*vector)
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
			multiply(indexed(a[r], k, 1, 0), bs, sums[half][r])
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
	if p.masked {
		p.tail = load("tail")
	}
	p.storeRows(sums[0], c)
}

// storeRows writes or adds rows of sums to C, and moves c past them.
func (p *panel) storeRows(sums [][]reg.VecVirtual, c reg.GPVirtual) {
	over, end := label("overwrite"), label("stored")
	CMPB(arg("acc"), operand.Imm(0))
	JE(operand.LabelRef(over))
	for r := range sums {
		for v := range p.vecs {
			p.addStore(v, sums[r][v], at(c, v*vector))
		}
		ADDQ(arg("ldc"), c)
	}
	JMP(operand.LabelRef(end))
	Label(over)
	for r := range sums {
		for v := range p.vecs {
			p.store(v, sums[r][v], at(c, v*vector))
		}
		ADDQ(arg("ldc"), c)
	}
	Label(end)
}

// multiply adds the products of the float at a and a row of B to sums. A single
// vector broadcasts it from memory, several use a register.
func multiply(a operand.Mem, row, sums []reg.VecVirtual) {
	if wide && len(row) == 1 {
		VFMADD231PS_BCST(a, row[0], sums[0])
		return
	}
	v := vec()
	VBROADCASTSS(a, v)
	for j := range row {
		VFMADD231PS(row[j], v, sums[j])
	}
}

// gradient is the kernel of gemmTNGeneric for one panel.
func (p panel) gradient() {
	function(p.name("gemmTNPanel"), "func(c, a, d *float32, k, ldc, ldd, lines, width, pixel, skip int"+p.maskArg()+")",
		p.columns()+" k is a count, distances are in bytes. A has lines*width rows, pixel apart, and skip more after "+
			"each line:",
		"for p < k, j: C[p,j] += Σ_i A[row(i) + p] * D[i,j]")
	p.loadMask()
	c, a, k := load("c"), load("a"), load("k")
	pixel, ldd := load("pixel"), load("ldd")
	for _, rows := range p.tiles {
		top, end := label("tile"), label("next")
		Label(top)
		CMPQ(k, operand.Imm(uint64(rows)))
		JL(operand.LabelRef(end))
		passOver(rows, k, end)
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
			multiply(at(pa, 4*r), ds, sums[r])
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

// productLines writes the loops of the product if the registers have space for
// more rows of sums than there are pointers: the rows of a tile are in one line
// of pixels, at equal distances.
func (p *panel) productLines() {
	c, next, ldb, pixel := load("c"), load("a"), load("ldb"), load("pixel")
	pixel3 := tripled(pixel)
	line, run := label("line"), GP64()
	Label(line)
	MOVQ(arg("width"), run)
	CMPQ(run, arg("m"))
	CMOVQGT(arg("m"), run)
	SUBQ(run, arg("m"))
	for _, rows := range p.tiles {
		top, end := label("tile"), label("next")
		Label(top)
		CMPQ(run, operand.Imm(uint64(rows)))
		JL(operand.LabelRef(end))
		passOver(rows, run, end)
		SUBQ(operand.Imm(uint64(rows)), run)
		p.lineTile(rows, c, next, ldb, pixel, pixel3)
		JMP(operand.LabelRef(top))
		Label(end)
	}
	ADDQ(arg("skip"), next)
	CMPQ(arg("m"), operand.Imm(0))
	JNE(operand.LabelRef(line))
	VZEROUPPER()
	RET()
}

// lineTile computes rows x panel of C from rows of A that are pixel apart, and
// moves c and next past them. A pointer serves five rows.
func (p *panel) lineTile(rows int, c, next, ldb, pixel, pixel3 reg.GPVirtual) {
	const reach = 5
	a := make([]reg.GPVirtual, (rows+reach-1)/reach)
	for i := range a {
		a[i] = GP64()
		if i == 0 {
			MOVQ(next, a[i])
		} else {
			LEAQ(indexed(a[i-1], pixel, 4, 0), a[i])
			ADDQ(pixel, a[i])
		}
	}
	row := func(r, disp int) operand.Mem {
		switch base := a[r/reach]; r % reach {
		case 0:
			return at(base, disp)
		case 3:
			return indexed(base, pixel3, 1, disp)
		default:
			return indexed(base, pixel, uint8(r%reach), disp)
		}
	}
	// Few sums get a second set for odd k, to hide the latency of the additions.
	twice := rows*p.vecs <= 4
	sums := [2][][]reg.VecVirtual{}
	for r := range rows {
		sums[0] = append(sums[0], vectors(p.vecs))
		zero(sums[0][r]...)
		sums[1] = append(sums[1], sums[0][r])
		if twice {
			sums[1][r] = vectors(p.vecs)
			zero(sums[1][r]...)
		}
	}
	b, segs, k := load("b"), load("segs"), GP64()
	segment, even, loop, done := label("segment"), label("even"), label("k"), label("sum")
	// steps takes count floats of each row.
	steps := func(count int) {
		for i := range count {
			bs := vectors(p.vecs)
			for v := range bs {
				from := at(b, v*vector)
				if i == 1 {
					from = indexed(b, ldb, 1, v*vector)
				}
				get(from, p.of(v), bs[v])
			}
			for r := range rows {
				multiply(row(r, 4*i), bs, sums[i][r])
			}
		}
		for i := range a {
			ADDQ(operand.Imm(uint64(4*count)), a[i])
		}
		if count == 1 {
			ADDQ(ldb, b)
		} else {
			LEAQ(indexed(b, ldb, 2, 0), b)
		}
		SUBQ(operand.Imm(uint64(4*count)), k)
	}
	Label(segment)
	MOVQ(arg("k"), k)
	TESTQ(operand.U32(4), k)
	JZ(operand.LabelRef(even))
	steps(1)
	JZ(operand.LabelRef(done))
	Label(even)
	Label(loop)
	steps(2)
	JNZ(operand.LabelRef(loop))
	Label(done)
	ended := label("ended")
	DECQ(segs)
	JZ(operand.LabelRef(ended))
	for i := range a {
		ADDQ(arg("seg"), a[i])
		SUBQ(arg("k"), a[i])
	}
	JMP(operand.LabelRef(segment))
	Label(ended)
	if twice {
		for r := range rows {
			for v := range p.vecs {
				VADDPS(sums[1][r][v], sums[0][r][v], sums[0][r][v])
			}
		}
	}
	p.storeRows(sums[0], c)
	moved := GP64()
	IMUL3Q(operand.I8(int8(rows)), pixel, moved)
	ADDQ(moved, next)
}
