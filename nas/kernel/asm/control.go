package main

import (
	. "github.com/mmcloughlin/avo/build"
)

// controlFamily is the control register of the floating-point unit.
func controlFamily() {
	TEXT("controlWord", NOSPLIT, "func() uint32")
	Doc("controlWord is MXCSR, the control and status register of the calling thread.")
	STMXCSR(ret())
	RET()

	TEXT("setControlWord", NOSPLIT, "func(word uint32)")
	Doc("setControlWord sets MXCSR of the calling thread.")
	LDMXCSR(arg("word"))
	RET()
}
