package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vector is the bytes of a YMM register, 8 float32.
const vector = 32

// label makes the names of branch targets unique within a function.
var labels int

func label(name string) string {
	labels++
	return fmt.Sprintf("%s_%d", name, labels)
}

// arg is an argument in its place on the stack, for instructions that can take
// it from memory.
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

// ymms makes n vector registers.
func ymms(n int) []reg.VecVirtual {
	v := make([]reg.VecVirtual, n)
	for i := range v {
		v[i] = YMM()
	}
	return v
}

func zero(vs ...reg.VecVirtual) {
	for _, v := range vs {
		VXORPS(v, v, v)
	}
}

// stepper gives the addresses of columns that lie a runtime number of bytes
// apart, in ascending order: four from each position of a moving pointer.
type stepper struct {
	p          reg.GPVirtual // moves
	step       reg.Register  // bytes from column to column
	step3      reg.Register  // 3*step
	base, disp int
}

// column is the address of column i, not less than the one before.
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

// tripled is a register of 3 times the given one.
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
