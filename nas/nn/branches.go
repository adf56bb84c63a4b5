package nn

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"nasnet/nas/kernel"
)

// Branches runs the evaluation of a network on several threads: steps that do not depend on each other, like the two
// ops of a block, run at the same time. The results equal [Program.Forward] without training bit for bit. It is meant
// for single images, whose batch cannot be divided; it needs memory for every value of the network at once.
type Branches struct {
	p       *Program
	threads int
	readers [][]int // by step: the steps that read its result, once per read
	reads   []int32 // by step: how many results of steps it reads
	left    []atomic.Int32
}

// Branches prepares a program to run on the given number of threads. The graph must Keep all values.
func (p *Program) Branches(threads int) (*Branches, error) {
	if !p.g.Keep {
		return nil, errors.New("nn: branches: the graph does not keep every value; want Keep set")
	}
	n := len(p.forward.steps)
	b := &Branches{p: p, threads: max(1, threads), readers: make([][]int, n), reads: make([]int32, n),
		left: make([]atomic.Int32, n)}
	for i, st := range p.forward.steps {
		for _, v := range append(append([]*value(nil), st.in...), st.side...) {
			if v != nil && v.made >= 0 && v.made != i {
				b.readers[v.made] = append(b.readers[v.made], i)
				b.reads[i]++
			}
		}
	}
	return b, nil
}

// Forward runs [Program.Forward] without training. It starts its threads and waits for them.
func (b *Branches) Forward() {
	p := b.p
	if !p.ready || p.arena.owner != p {
		panic("nn: branches: the program is planned but not allocated")
	}
	p.mode.train = false
	p.values = p.forward.values
	steps := len(b.left)
	ready := make(chan int, steps) // every step passes through it once
	for i := range b.left {
		b.left[i].Store(b.reads[i])
		if b.reads[i] == 0 {
			ready <- i
		}
	}
	var done atomic.Int32
	var all sync.WaitGroup
	for range b.threads {
		all.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			defer kernel.FlushDenormals()()
			for i := range ready {
				p.forward.ops[i].do()
				for _, r := range b.readers[i] {
					if b.left[r].Add(-1) == 0 {
						ready <- r
					}
				}
				if int(done.Add(1)) == steps {
					close(ready)
				}
			}
		})
	}
	all.Wait()
}
