package child

import (
	"math/rand/v2"
	"runtime"
	"sync"

	"nasnet/dataset"
	"nasnet/nas/nn"
	"nasnet/nas/space"
)

// shard computes one part of each batch: a copy of the network that shares the weights and has its own gradients,
// moving statistics and working memory. The first shard's network is the one that is stored, described and changed by
// the optimizer.
//
//	batch ──┬─▶ shard 0: images 0 … b-1   ──┐
//	        ├─▶ shard 1: images b … 2b-1  ──┼─▶ nn.Combine ──▶ optimizer ──▶ weights of all
//	        └─▶ …                         ──┘
type shard struct {
	network *network
	program *nn.Program

	// random streams of the current epoch
	augment         *dataset.Augmenter
	paths, features *rand.Rand
}

// newShards builds n shards that divide a batch of o.batch images: planned, without memory.
func newShards(g space.Genotype, net NetConfig, o buildOptions, n int) ([]*shard, error) {
	var shards []*shard
	for i := range n {
		if i > 0 {
			o.shardOf = shards[0].network.g
		}
		w, err := build(g, net, o)
		if err != nil {
			return nil, err
		}
		p, err := w.g.Plan(w.loss, w.logits)
		if err != nil {
			return nil, err
		}
		shards = append(shards, &shard{network: w, program: p})
	}
	return shards, nil
}

// allocShards allocates the memory of the shards, and copies the moving statistics of the first to all.
func allocShards(shards []*shard) {
	for _, s := range shards {
		s.program.Alloc()
	}
	shareStatistics(shards)
}

// shareStatistics copies the moving statistics of the first shard to all.
func shareStatistics(shards []*shard) {
	for _, s := range shards[1:] {
		for i, b := range shards[0].program.Buffers() {
			copy(s.program.Buffers()[i].Value, b.Value)
		}
	}
}

func programs(shards []*shard) []*nn.Program {
	var ps []*nn.Program
	for _, s := range shards {
		ps = append(ps, s.program)
	}
	return ps
}

// team runs a job once for each shard, on several threads. Thread k of n always takes the shards k, k+n, …, so if a job
// touches only its shard, its result does not depend on the number of threads. Thread 0 is the caller's; the others are
// goroutines that live until close.
type team struct {
	threads int
	errs    []error          // of the shards, in the current job
	start   []chan func(int) // of the threads from 1 on
	pending sync.WaitGroup   // threads from 1 on that are still working
	alive   sync.WaitGroup   // their goroutines
}

func newTeam(shards, threads int) *team {
	t := &team{threads: max(1, min(threads, shards)), errs: make([]error, shards)}
	for k := 1; k < t.threads; k++ {
		start := make(chan func(int))
		t.start = append(t.start, start)
		t.alive.Go(func() {
			runtime.LockOSThread() // for the goroutine's whole life, so that it keeps its core and caches
			defer runtime.UnlockOSThread()
			for job := range start {
				t.part(k, job)
				t.pending.Done()
			}
		})
	}
	return t
}

// close stops the goroutines and waits for them.
func (t *team) close() {
	for _, c := range t.start {
		close(c)
	}
	t.alive.Wait()
}

// do runs the job for every shard and returns when all are done. The error is that of the first shard that failed: a
// [PanicError].
func (t *team) do(job func(shard int)) error {
	t.pending.Add(len(t.start))
	for _, c := range t.start {
		c <- job
	}
	t.part(0, job)
	t.pending.Wait()
	for _, err := range t.errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// part runs the shards of thread k with denormals treated as zero, which is a setting of the thread.
func (t *team) part(k int, job func(int)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer nn.FlushDenormals()()
	for i := k; i < len(t.errs); i += t.threads {
		t.errs[i] = guarded(i, job)
	}
}

func guarded(shard int, job func(int)) (err error) {
	defer recoverPanic(&err)
	job(shard)
	return nil
}
