package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A target is an instruction set to write assembly for. One generator writes a
// loop for all targets on which it is the same.
type target struct {
	suffix string // of the names of kernels
	file   string // after the family in file names
	lanes  int    // floats per vector
}

var targets = map[string]target{
	"avx2":   {lanes: 8},                                // YMM0-15; a mask is a vector of -1 and 0
	"avx512": {suffix: "Z", file: "_avx512", lanes: 16}, // ZMM0-31; a mask is one of K1-K7
}

// The target of this run: the suffix of its names, floats and bytes per vector,
// and whether it has mask registers, embedded broadcasts and 32 vector registers.
var (
	suffix        string
	lanes, vector int
	wide          bool
)

func (t target) use() {
	suffix, lanes, vector, wide = t.suffix, t.lanes, 4*t.lanes, t.lanes == 16
}

// function begins a kernel whose arguments do not escape. prose, which follows
// the name, and the formulas are its comment.
func function(name, signature, prose string, formulas ...string) {
	TEXT(name+suffix, NOSPLIT, signature)
	Pragma("noescape")
	doc := append(fold(name+suffix+" "+prose, " ", lineWidth-len("// "), ""), "")
	for _, f := range formulas {
		doc = append(doc, fold("\t"+f, " ", lineWidth-len("//    "), "\t\t")...)
	}
	Doc(append(doc, "")...)
}

// label makes the names of branch targets unique within a function.
var labels int

func label(name string) string {
	labels++
	return fmt.Sprintf("%s_%d", name, labels)
}

// arg is an argument on the stack, for instructions that can read it from
// memory.
func arg(name string) operand.Mem {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// load puts an argument in a register.
func load(name string) reg.GPVirtual {
	r := GP64()
	MOVQ(arg(name), r)
	return r
}

func at(p reg.Register, disp int) operand.Mem { return operand.Mem{Base: p, Disp: disp} }

func indexed(p, index reg.Register, scale uint8, disp int) operand.Mem {
	return operand.Mem{Base: p, Index: index, Scale: scale, Disp: disp}
}

// vec makes a vector register.
func vec() reg.VecVirtual {
	if wide {
		return ZMM()
	}
	return YMM()
}

// vectors makes n of them.
func vectors(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = vec()
	}
	return v
}

func zero(vs ...reg.VecVirtual) {
	for _, v := range vs {
		VXORPS(v, v, v)
	}
}

// get loads the lanes of a vector that are in the mask (nil: all) and zeroes the
// others.
func get(from operand.Mem, mask reg.Register, v reg.VecVirtual) {
	switch {
	case mask == nil:
		VMOVUPS(from, v)
	case wide:
		VMOVUPS_Z(from, mask, v)
	default:
		VMASKMOVPS(from, mask, v)
	}
}

// put stores the lanes of a vector that are in the mask (nil: all).
func put(v reg.VecVirtual, mask reg.Register, to operand.Mem) {
	switch {
	case mask == nil:
		VMOVUPS(v, to)
	case wide:
		VMOVUPS(v, mask, to)
	default:
		VMASKMOVPS(v, mask, to)
	}
}

// source is the operand of an instruction that reads lanes from memory: the memory
// itself or, with a mask, a register that they are loaded into.
func source(from operand.Mem, mask reg.Register) operand.Op {
	if mask == nil {
		return from
	}
	v := vec()
	get(from, mask, v)
	return v
}

// move copies a vector of integers.
func move(from, to reg.VecVirtual) {
	if wide {
		VMOVDQA32(from, to)
	} else {
		VMOVDQA(from, to)
	}
}

// ahead is how many bytes ahead memory is prefetched that is read only once. Where
// rows follow each other, a later turn of the loop or the next call reads it.
const ahead = 2048

// prefetch requests the bytes ahead of those at p.
func prefetch(p reg.Register, bytes int) {
	for line := 0; line < bytes; line += 64 {
		PREFETCHT0(at(p, ahead+line))
	}
}

// whether compares the lanes of two vectors: x to y, by a predicate of VCMPPS.
func whether(x reg.VecVirtual, predicate uint8, y reg.VecVirtual) reg.Register {
	var yes reg.Register = vec()
	if wide {
		yes = K()
	}
	VCMPPS(operand.U8(predicate), y, x, yes)
	return yes
}

// Predicates of VCMPPS.
const (
	equal = 0
	less  = 1
)

// choose overwrites the lanes of v for which a comparison was true.
func choose(yes reg.Register, with, v reg.VecVirtual) {
	if wide {
		VMOVDQA32(with, yes, v)
	} else {
		VBLENDVPS(yes, with, v, v)
	}
}

// storeTail writes the first tail%8 floats of a vector of 8 and destroys it. A
// masked store would take a dozen cycles on AMD's processors.
func storeTail(tail reg.Register, from reg.VecVirtual, to operand.Mem) {
	two, one, end := label("two"), label("one"), label("end")
	next, x := GP64(), from.AsX()
	LEAQ(to, next)
	TESTQ(operand.U32(4), tail)
	JZ(operand.LabelRef(two))
	VMOVUPS(x, at(next, 0))
	ADDQ(operand.Imm(16), next)
	VEXTRACTF128(operand.Imm(1), from.AsY(), x)
	Label(two)
	TESTQ(operand.U32(2), tail)
	JZ(operand.LabelRef(one))
	VMOVLPS(x, at(next, 0))
	ADDQ(operand.Imm(8), next)
	VPERMILPS(operand.Imm(0xe), x, x)
	Label(one)
	TESTQ(operand.U32(1), tail)
	JZ(operand.LabelRef(end))
	VMOVSS(x, at(next, 0))
	Label(end)
}

// tailArg is the argument that kernels with a partial vector need: the mask of
// its lanes, or nothing if the kernel makes the mask from their number.
func tailArg() string {
	if wide {
		return ""
	}
	return ", tail *int32"
}

// tailMask is the mask of a partial vector of n floats.
func tailMask(n reg64) reg.Register {
	if wide {
		return firstLanes(n)
	}
	tail, mask := load("tail"), YMM()
	VMOVUPS(at(tail, 0), mask)
	return mask
}

// firstLanes is the mask register of the first n lanes, or of all lanes if n is
// larger; n is less than 256.
func firstLanes(n reg64) reg.Register {
	ones, k := GP64(), K()
	MOVQ(operand.I32(-1), ones)
	BZHIQ(n, ones, ones)
	KMOVW(ones.As32(), k)
	return k
}

// stepper gives the addresses of columns in ascending order, four from each
// position of a moving pointer. Their distance in bytes is known at run time.
type stepper struct {
	p          reg.GPVirtual // moves
	step       reg.Register  // bytes from column to column
	step3      reg.Register  // 3*step
	base, disp int
}

// column is the address of column i, which must not be less than the last one.
func (s *stepper) column(i int) operand.Mem {
	for i-s.base > 3 {
		LEAQ(indexed(s.p, s.step, 4, 0), s.p)
		s.base += 4
	}
	switch i - s.base {
	case 0:
		return at(s.p, s.disp)
	case 3:
		return indexed(s.p, s.step3, 1, s.disp)
	default:
		return indexed(s.p, s.step, uint8(i-s.base), s.disp)
	}
}

// imm is a positive constant.
func imm(n int) operand.Op {
	if n < 256 {
		return operand.Imm(uint64(n))
	}
	return operand.U32(n)
}

// tripled returns a new register that holds 3*r.
func tripled(r reg.Register) reg.GPVirtual {
	t := GP64()
	LEAQ(indexed(r, r, 2, 0), t)
	return t
}

// reg64 is a general register.
type reg64 = reg.GPVirtual

// ret is the place of the result on the stack.
func ret() operand.Mem {
	b, err := ReturnIndex(0).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}
