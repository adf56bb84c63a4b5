package nn

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Param is a trainable array of a network. Names are slash-separated paths; the last part is w or b for convolutions
// and linear layers, gamma or beta for batch normalisations, as in "cells/0/block1/op2/dw1/w". The w of a convolution
// is (kh, kw, in, out), of a depthwise one (kh, kw, 1, channels), of a linear layer (in, out).
type Param struct {
	Name  string
	Shape []int
	Value []float32 // nil until the graph is compiled or initialised
	Grad  []float32 // of the last Program.Train; zero if the loss does not depend on it; nil until compiled with a loss
	// apply weight decay; initially true for w only (as slim's regularizers); the caller may change it
	Decay bool

	node Node
	init Init
	st   *storeItem
}

// Size returns the number of elements.
func (p *Param) Size() int { return p.st.size }

// Buffer is a network state that is not trained: the moving mean or variance of a batch normalisation, of (channels)
// elements.
type Buffer struct {
	Name  string
	Value []float32 // nil until the graph is compiled or initialised

	init float32
	size int
}

// Size returns the number of elements.
func (b *Buffer) Size() int { return b.size }

// store keeps the parameters that graphs share.
type store struct {
	params map[string]*storeItem
	order  []*storeItem
}

type storeItem struct {
	size  int
	shape []int
	init  Init
	value []float32
}

// states keeps the moving statistics that graphs share.
type states struct {
	buffers map[string]*Buffer
	order   []*Buffer
}

func newStore() *store   { return &store{params: map[string]*storeItem{}} }
func newStates() *states { return &states{buffers: map[string]*Buffer{}} }

// alloc allocates the parameters that have no memory yet: in one block, so that they are contiguous, and zero.
// Graph.InitParams fills them.
func (s *store) alloc() {
	n := 0
	for _, it := range s.order {
		if it.value == nil {
			n += it.size
		}
	}
	flat := make([]float32, n)
	for _, it := range s.order {
		if it.value == nil {
			it.value, flat = flat[:it.size:it.size], flat[it.size:]
		}
	}
}

// alloc allocates the statistics that have no memory yet, with the values of a fresh network.
func (s *states) alloc() {
	for _, b := range s.order {
		if b.Value == nil {
			b.Value = make([]float32, b.size)
			fill(b.Value, b.init)
		}
	}
}

// Param adds a trainable array. It panics if the name is in use. [Graph.InitParams] sets the values.
func (g *Graph) Param(name string, init Init, shape ...int) Node {
	g.claim("param", name)
	size := checkShape("param "+name, shape)
	it := g.store.params[name]
	if it == nil {
		it = &storeItem{size: size, shape: append([]int(nil), shape...), init: init}
		g.store.params[name] = it
		g.store.order = append(g.store.order, it)
	} else if fmt.Sprint(it.shape) != fmt.Sprint(shape) {
		fail("param "+name, "shape %v, want %v as in the network that shares it", shape, it.shape)
	}
	n := gorgonia.NewTensor(g.expr, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	last := name[strings.LastIndexByte(name, '/')+1:]
	p := &Param{Name: name, Shape: it.shape, Value: it.value, Decay: last == "w", node: n, init: init, st: it}
	g.params = append(g.params, p)
	g.byName[name] = p
	return n
}

// buffer returns the shared statistics of that name.
func (g *Graph) buffer(name string, size int, init float32) *Buffer {
	b := g.states.buffers[name]
	if b == nil {
		b = &Buffer{Name: name, init: init, size: size}
		g.states.buffers[name] = b
		g.states.order = append(g.states.order, b)
	} else if b.size != size {
		fail("buffer "+name, "%d elements, want %d as in the network that shares it", size, b.size)
	}
	return b
}

// Params returns the parameters in the order in which they were added.
func (g *Graph) Params() []*Param { return g.params }

// Buffers returns the moving statistics in the order in which they were added, including those of graphs that share
// them.
func (g *Graph) Buffers() []*Buffer { return g.states.order }

// InitParams initialises every parameter, drawing from r in the order in which they were added, and resets the moving
// statistics (mean 0, variance 1). Graphs that share parameters with this one see the same values.
func (g *Graph) InitParams(r *rand.Rand) {
	g.alloc()
	for _, p := range g.params {
		p.init(r, p.Value, p.Shape)
	}
	for _, b := range g.states.order {
		fill(b.Value, b.init)
	}
}

func (g *Graph) alloc() {
	g.store.alloc()
	g.states.alloc()
	for _, p := range g.params {
		p.Value = p.st.value
	}
}

func (g *Graph) allocGrads() {
	n := 0
	for _, p := range g.params {
		n += p.Size()
	}
	flat := make([]float32, n)
	for _, p := range g.params {
		if p.Grad == nil {
			p.Grad = flat[:p.Size():p.Size()]
			flat = flat[p.Size():]
		}
	}
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}
