package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// controlFamily writes the access to the control register of the floating-point
// unit, which is the same on all targets, and the peak loop.
func controlFamily() {
	peak()
	if wide {
		return
	}

	TEXT("controlWord", NOSPLIT, "func() uint32")
	Doc("controlWord is MXCSR, the control and status register of the calling thread.")
	STMXCSR(ret())
	RET()

	TEXT("setControlWord", NOSPLIT, "func(word uint32)")
	Doc("setControlWord sets MXCSR of the calling thread.")
	LDMXCSR(arg("word"))
	RET()
}

// peak writes a loop of only multiplications and additions, enough at once to
// hide their latency.
func peak() {
	const chains = 12
	TEXT("peakVec"+suffix, NOSPLIT, "func(n int)")
	Doc(fmt.Sprintf("peakVec%s does n times %d additions of products of %d floats, in registers.", suffix,
		chains, lanes))
	sums, x := vectors(chains), vec()
	zero(append(sums, x)...)
	n, loop := load("n"), label("loop")
	Label(loop)
	for _, s := range sums {
		VFMADD231PS(x, x, s)
	}
	DECQ(n)
	JNZ(operand.LabelRef(loop))
	VZEROUPPER()
	RET()
}
