package nn

import "unsafe"

// Arena is memory for the values of programs: one piece, which grows when a larger program is compiled and never
// shrinks. A worker keeps one and gives it to every network that it trains, one after another (Graph.Arena): the pages
// stay mapped, and the garbage collector has nothing to do. Only the program compiled last may run. Parameters,
// gradients, inputs and outputs are elsewhere: they stay valid. The zero value is ready for use.
type Arena struct {
	mem   []float32
	owner *Program
}

// Bytes returns the size of the arena.
func (a *Arena) Bytes() int64 { return 4 * int64(len(a.mem)) }

// take gives the first n float32s to p, at an address that is a multiple of 64 bytes.
func (a *Arena) take(p *Program, n int) []float32 {
	a.owner = p
	if len(a.mem) < n {
		a.mem = nil // let the old piece go before the new one comes
		m := make([]float32, n+align)
		skip := 0
		if r := uintptr(unsafe.Pointer(unsafe.SliceData(m))) % (4 * align); r != 0 {
			skip = int(4*align-r) / 4
		}
		a.mem = m[skip : skip+n]
	}
	return a.mem[:n:n]
}
