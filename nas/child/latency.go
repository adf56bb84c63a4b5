package child

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"nasnet/nas/nn"
	"nasnet/nas/rng"
	"nasnet/nas/space"
)

// Latency is how long a network takes for images on this machine, with the moving statistics.
type Latency struct {
	Cost
	Net      NetConfig        `json:"net"`
	Network  []LatencyPoint   `json:"network"`
	Operands []OperandLatency `json:"rungs"`
	// all that is in no operand: stem, projections, combines, outputs, classifier
	Other   OperandLatency `json:"other"`
	Batches []int          `json:"batches"`
}

// LatencyPoint is one way to run the network.
type LatencyPoint struct {
	Batch   int `json:"batch"`
	Threads int `json:"threads"`
	// threads take branches of the network, see [nn.Branches]; else equal parts of the batch
	Branches bool    `json:"branches"`
	MS       float64 `json:"ms"`         // per batch, the median
	Fastest  float64 `json:"fastest_ms"` // the shortest run: what a batch takes when nothing interferes
	Images   float64 `json:"images_per_s"`
}

// OperandLatency is one op of a cell, summed over all cells of that kind in the network.
type OperandLatency struct {
	Cell      string    `json:"cell,omitempty"` // normal, reduction
	Block     int       `json:"block"`
	Operand   int       `json:"operand"` // 1 or 2
	Op        string    `json:"op,omitempty"`
	In        string    `json:"in,omitempty"` // the state it reads
	Trainable int64     `json:"trainable"`
	MAdds     int64     `json:"madds"` // for one image
	MS        []float64 `json:"ms"`    // median per batch on one thread, by [Latency.Batches]
}

// LatencyOptions choose what MeasureLatency measures.
type LatencyOptions struct {
	Batches []int   // images per batch
	Threads int     // at most; a batch that they do not divide is measured on one thread only
	Seconds float64 // roughly, for each point
}

// Validate returns an error if o cannot be measured.
func (o LatencyOptions) Validate() error {
	if len(o.Batches) == 0 || o.Threads < 1 || o.Threads > 1024 || !(o.Seconds > 0) {
		return fmt.Errorf("%d batches, threads %d, %v seconds; want 1 or more, 1 to 1024, more than 0", len(o.Batches),
			o.Threads, o.Seconds)
	}
	for _, b := range o.Batches {
		if b < 1 || b > 1<<16 {
			return fmt.Errorf("batch %d; want 1 to %d", b, 1<<16)
		}
	}
	return nil
}

// LatencyBytes returns how much memory MeasureLatency takes, without taking it: the most that one of its points needs.
func LatencyBytes(g space.Genotype, net NetConfig, o LatencyOptions) (most int64, err error) {
	defer recoverPanic(&err)
	if err := o.Validate(); err != nil {
		return 0, fmt.Errorf("child: latency: %w", err)
	}
	net.Aux = false
	l := Latency{Net: net}
	for _, batch := range o.Batches {
		for _, w := range o.ways(batch) {
			shards, err := l.plan(g, batch, w.parts(), w.Branches)
			if err != nil {
				return 0, fmt.Errorf("child: latency: batch %d: %w", batch, err)
			}
			bytes := 4 * shards[0].network.cost().Params
			for _, s := range shards {
				bytes += s.program.PlannedPeak()
			}
			most = max(most, bytes)
		}
	}
	return most, nil
}

// ways lists the ways to run the network on a batch.
func (o LatencyOptions) ways(batch int) []LatencyPoint {
	ways := []LatencyPoint{{Batch: batch, Threads: 1}}
	if o.Threads > 1 {
		if batch%o.Threads == 0 {
			ways = append(ways, LatencyPoint{Batch: batch, Threads: o.Threads})
		}
		ways = append(ways, LatencyPoint{Batch: batch, Threads: o.Threads, Branches: true})
	}
	return ways
}

// parts returns how many networks share the batch.
func (p LatencyPoint) parts() int {
	if p.Branches {
		return 1
	}
	return p.Threads
}

// MeasureLatency measures the network of a genotype with random weights on random images; its speed does not depend on
// them. Operands are measured inside the network, where their inputs are in the caches as in real use.
func MeasureLatency(g space.Genotype, net NetConfig, o LatencyOptions) (l Latency, err error) {
	defer recoverPanic(&err)
	if err := o.Validate(); err != nil {
		return l, fmt.Errorf("child: latency: %w", err)
	}
	net.Aux = false
	n, err := build(g, net, buildOptions{})
	if err != nil {
		return l, fmt.Errorf("child: latency: %w", err)
	}
	l = Latency{Cost: n.cost(), Net: n.config, Batches: o.Batches,
		Other: OperandLatency{MS: make([]float64, len(o.Batches))}}
	operandOf, err := l.list(g, n)
	if err != nil {
		return l, fmt.Errorf("child: latency: %w", err)
	}
	for i, batch := range o.Batches {
		if err := l.batch(g, i, batch, operandOf, o); err != nil {
			return l, fmt.Errorf("child: latency: batch %d: %w", batch, err)
		}
	}
	return l, nil
}

// MeasureOne is the part of [MeasureLatency] that a search needs for each child: the time for one image on one thread
// in milliseconds, the median over about the given number of seconds.
func MeasureOne(g space.Genotype, net NetConfig, seconds float64) (ms float64, err error) {
	defer recoverPanic(&err)
	net.Aux = false
	l := Latency{Net: net}
	if _, err := l.images(g, 1, 1, seconds); err != nil {
		return 0, fmt.Errorf("child: latency: %w", err)
	}
	return l.Network[0].MS, nil
}

// batch measures all ways to run batch number place of l.Batches, and its operands in the first of them.
func (l *Latency) batch(g space.Genotype, place, batch int, operandOf map[string]int, o LatencyOptions) error {
	for _, w := range o.ways(batch) {
		if w.Branches {
			shards, err := l.shards(g, batch, 1, true)
			if err != nil {
				return err
			}
			b, err := shards[0].program.Branches(w.Threads)
			if err != nil {
				return err
			}
			l.point(w, b.Forward, o.Seconds)
			continue
		}
		shards, err := l.images(g, batch, w.Threads, o.Seconds)
		if err != nil {
			return err
		}
		if w.Threads == 1 {
			l.operands(shards[0].program, operandOf, place, o.Seconds)
		}
	}
	return nil
}

// images measures threads that divide the images of a batch, and returns their networks.
func (l *Latency) images(g space.Genotype, batch, threads int, seconds float64) ([]*shard, error) {
	shards, err := l.shards(g, batch, threads, false)
	if err != nil {
		return nil, err
	}
	team := newTeam(threads, threads)
	defer team.close()
	forward := func(i int) { shards[i].program.Forward(false) }
	l.point(LatencyPoint{Batch: batch, Threads: threads}, func() { err = errors.Join(err, team.do(forward)) }, seconds)
	return shards, err
}

// plan returns a network for each part of a batch, without memory; keep gives each value memory of its own.
func (l *Latency) plan(g space.Genotype, batch, parts int, keep bool) ([]*shard, error) {
	var shards []*shard
	for i := range parts {
		o := buildOptions{batch: batch / parts}
		if i > 0 {
			o.shardOf = shards[0].network.g
		}
		n, err := build(g, l.Net, o)
		if err != nil {
			return nil, err
		}
		n.g.Keep = keep
		p, err := n.g.Plan(nil, n.logits)
		if err != nil {
			return nil, err
		}
		shards = append(shards, &shard{network: n, program: p})
	}
	return shards, nil
}

// shards returns planned networks with random weights and images.
func (l *Latency) shards(g space.Genotype, batch, parts int, keep bool) ([]*shard, error) {
	shards, err := l.plan(g, batch, parts, keep)
	if err != nil {
		return nil, err
	}
	for _, s := range shards {
		if err := affordable(s.program); err != nil {
			return nil, err
		}
	}
	r := rng.Stream(1, "latency")
	shards[0].network.g.InitParams(r)
	allocShards(shards)
	for _, s := range shards {
		x := s.program.Value(s.network.input)
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
	}
	return shards, nil
}

// point measures one way to run the network.
func (l *Latency) point(p LatencyPoint, run func(), seconds float64) {
	times := timed(make([]float64, 0, 1<<12), run, seconds)
	p.MS, p.Fastest = median(times), slices.Min(times)
	p.Images = float64(p.Batch) / p.MS * 1e3
	l.Network = append(l.Network, p)
}

// list lists the operands with their costs, and returns the operand that each part of the network belongs to.
func (l *Latency) list(g space.Genotype, n *network) (operandOf map[string]int, err error) {
	operandOf = map[string]int{}
	for _, kind := range []string{"normal", "reduction"} {
		first := len(l.Operands)
		c, _ := g.Cell(kind)
		for b, k := range c.Blocks {
			for operand, r := range []struct {
				in int
				op string
			}{{k.In1, k.Op1}, {k.In2, k.Op2}} {
				l.Operands = append(l.Operands, OperandLatency{Cell: kind, Block: b, Operand: operand + 1, Op: r.op,
					In: space.StateName(r.in), MS: make([]float64, len(l.Batches))})
			}
		}
		for i, cell := range n.cells {
			if cell.reduction != (kind == "reduction") {
				continue
			}
			for r := first; r < len(l.Operands); r++ {
				operandOf[opPath(cellPath(i), l.Operands[r].Block, l.Operands[r].Operand)] = r
			}
		}
	}
	layers, err := n.g.Layers(n.logits)
	if err != nil {
		return nil, err
	}
	l.Other.Trainable, l.Other.MAdds = l.Trainable, l.Cost.MAdds
	for _, y := range layers {
		if r, ok := operandOf[y.Part]; ok {
			l.Operands[r].Trainable += y.Params()
			l.Operands[r].MAdds += y.MAdds()
			l.Other.Trainable -= y.Params()
			l.Other.MAdds -= y.MAdds()
		}
	}
	return operandOf, nil
}

// operands measures the parts of the network for batch number place of l.Batches.
func (l *Latency) operands(p *nn.Program, operandOf map[string]int, batch int, seconds float64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer nn.FlushDenormals()()
	defer p.Measure(nil)
	runs := make([][]float64, len(l.Operands)+1) // milliseconds by operand and run; the last row is the rest
	timed(make([]float64, 0, 1<<12), func() {
		var c nn.Clock
		p.Measure(&c)
		p.Forward(false)
		sums := make([]float64, len(runs))
		for part, t := range c.Parts() {
			r, ok := operandOf[part]
			if !ok {
				r = len(l.Operands)
			}
			sums[r] += milliseconds(t)
		}
		for r, ms := range sums {
			runs[r] = append(runs[r], ms)
		}
	}, seconds)
	for r := range l.Operands {
		l.Operands[r].MS[batch] = median(runs[r])
	}
	l.Other.MS[batch] = median(runs[len(l.Operands)])
}
