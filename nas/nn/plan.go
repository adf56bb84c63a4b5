package nn

import (
	"cmp"
	"slices"
)

// Where values are kept. A buffer is a piece of the arena that holds one value after another: where the op allows it, a
// result takes over the buffer of an input that is read for the last time. Buffers may overlap if their lifetimes do
// not.

// align is the granularity of offsets in float32s: 64 bytes, a cache line and a vector of AVX-512.
const align = 16

type buffer struct {
	n        int // float32s
	from, to int // steps, inclusive
	at       int // offset in the arena
}

// plan gives every value of the steps a buffer and every buffer an offset. It returns the float32s needed for that, and
// the largest sum of buffers that are alive at the same time, which no placement can beat. With keep, values share no
// memory.
func plan(steps []step, keep bool) (need, live int) {
	var bufs []*buffer
	fresh := func(v *value) {
		if v == nil || v.ext != nil || v.s != nil || v.buf != nil {
			return
		}
		v.buf = &buffer{n: (v.n + align - 1) / align * align, from: v.made, to: v.last}
		bufs = append(bufs, v.buf)
	}
	for i := range steps {
		st := &steps[i]
		if v := takeOver(steps, i); v != nil && !keep {
			v.moveTo(st.out)
		}
		for k, v := range st.base {
			if v != nil && !keep && st.canAddIn(v, k, i) {
				v.moveTo(st.result(k))
			}
		}
		fresh(st.out)
		fresh(st.scratch)
		for _, v := range st.side {
			fresh(v)
		}
	}
	live = liveMax(bufs, len(steps))
	if keep {
		for _, b := range bufs {
			b.at, need = need, need+b.n
		}
		return need, need
	}
	return place(bufs, live), live
}

// takeOver returns the input of step i whose buffer its result can take over, or nil.
func takeOver(steps []step, i int) *value {
	st := &steps[i]
	if st.out.ext != nil || st.out.s != nil {
		return nil
	}
	allowed := []int{0, 1}
	switch st.kind {
	case stepOp:
		if st.base != nil && st.base[0] != nil {
			return nil
		}
		allowed = st.op.inplace
	case stepCopy:
		return nil
	}
	for _, k := range allowed {
		v := st.in[k]
		if v == nil || v.buf == nil || v.last != i || v.n != st.out.n {
			continue
		}
		elsewhere := false
		for j, w := range st.in {
			if w == v && !slices.Contains(allowed, j) {
				elsewhere = true
			}
		}
		if !elsewhere {
			return v
		}
	}
	return nil
}

// moveTo puts w into the buffer of v.
func (v *value) moveTo(w *value) {
	w.buf = v.buf
	v.buf.to = max(v.buf.to, w.last)
}

// canAddIn reports whether step i can add result k to v in v's own memory: nothing reads v later, and the step itself
// does not read it as something else.
func (st *step) canAddIn(v *value, k, i int) bool {
	return v.buf != nil && v.last == i && st.result(k).ext == nil &&
		!slices.Contains(st.in, v) && !slices.Contains(st.side, v) && slices.Index(st.base, v) == k
}

// liveMax returns the largest sum of the sizes of buffers alive at one step.
func liveMax(bufs []*buffer, steps int) int {
	delta := make([]int, steps+1)
	for _, b := range bufs {
		delta[b.from] += b.n
		delta[b.to+1] -= b.n
	}
	sum, most := 0, 0
	for _, d := range delta {
		sum += d
		most = max(most, sum)
	}
	return most
}

// place finds an offset for every buffer and returns the float32s used. Placing the largest first mostly needs no more
// than is alive at one time. If it does, ordering by size times lifetime or by first step may do better; the best of
// the three is used.
func place(bufs []*buffer, live int) (need int) {
	orders := []func(a, b *buffer) int{
		func(a, b *buffer) int { return b.n - a.n },
		func(a, b *buffer) int { return b.n*(b.to-b.from+1) - a.n*(a.to-a.from+1) },
		func(a, b *buffer) int { return 0 },
	}
	best := make([]int, len(bufs))
	for k, order := range orders {
		sorted := slices.Clone(bufs)
		slices.SortStableFunc(sorted, func(a, b *buffer) int {
			return cmp.Or(order(a, b), a.from-b.from, b.n-a.n, a.to-b.to)
		})
		n := firstFit(sorted)
		if k == 0 || n < need {
			need = n
			for i, b := range bufs {
				best[i] = b.at
			}
		}
		if need == live {
			break
		}
	}
	for i, b := range bufs {
		b.at = best[i]
	}
	return need
}

// firstFit places buffers in the given order, each at the lowest offset that is free during its whole lifetime.
func firstFit(bufs []*buffer) (need int) {
	var placed []*buffer // by offset
	for _, b := range bufs {
		at := 0
		for _, o := range placed {
			if o.to < b.from || o.from > b.to || o.at+o.n <= at {
				continue
			}
			if o.at >= at+b.n {
				break
			}
			at = o.at + o.n
		}
		b.at = at
		i, _ := slices.BinarySearchFunc(placed, at, func(o *buffer, at int) int { return cmp.Compare(o.at, at) })
		placed = slices.Insert(placed, i, b)
		need = max(need, at+b.n)
	}
	return need
}
