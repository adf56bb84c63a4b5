package nn

import "unsafe"

// Arena is memory for the values of programs: one block, which grows when a larger program is compiled and never
// shrinks. A worker keeps one and gives it to each network that it trains (Graph.Arena): the pages stay mapped, and the
// garbage collector has nothing to do. Only the program compiled last may run. Parameters, gradients, inputs and
// outputs are elsewhere and stay valid. The zero value is ready to use.
type Arena struct {
	mem   []float32
	owner *Program
}

// Bytes returns the size of the arena.
func (a *Arena) Bytes() int64 { return 4 * int64(len(a.mem)) }

// take gives p the first n float32s, at an address that is a multiple of 64 bytes.
func (a *Arena) take(p *Program, n int) []float32 {
	a.owner = p
	if len(a.mem) < n {
		a.mem = nil // free the old block before allocating the new one
		m := make([]float32, n+align)
		skip := 0
		if r := uintptr(unsafe.Pointer(unsafe.SliceData(m))) % (4 * align); r != 0 {
			skip = int(4*align-r) / 4
		}
		a.mem = m[skip : skip+n]
	}
	return a.mem[:n:n]
}
