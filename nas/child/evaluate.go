package child

import (
	"context"
	"errors"
	"fmt"

	"nasnet/dataset"
	"nasnet/nas/nn"
)

// Evaluate judges the network, by its moving statistics, on all images of a view: the mean cross entropy and the
// fraction that is right.
func (t *Trainer) Evaluate(ctx context.Context, v *dataset.View) (loss, acc float64, err error) {
	defer recoverPanic(&err)
	if err := fits(v, t.net); err != nil {
		return 0, 0, fmt.Errorf("child: images to judge by: %w", err)
	}
	t.prepare()
	team := newTeam(len(t.shards), t.threads)
	defer team.close()
	return t.judge(ctx, team, v)
}

// judge evaluates the weights that count: their moving average, if there is one.
func (t *Trainer) judge(ctx context.Context, team *team, v *dataset.View) (loss, acc float64, err error) {
	if t.mean != nil {
		t.mean.swap(t.shards)
		defer t.mean.swap(t.shards)
	}
	return evaluate(ctx, team, t.shards, v, len(t.shards)*t.shards[0].program.Batch(), t.train.FlipAverage)
}

// evaluate runs a view through the shards in batches; the last one is filled up with what lies in memory, which changes
// nothing. No example depends on another one, and losses are added in the order of the view, group by group: the result
// is that of any other number of shards of that size, and of another size but for the last bits of a logit, which
// depend on its row's place in a product. With mirrored, the logits of an image are the mean of its own and those of
// its mirror image.
func evaluate(ctx context.Context, team *team, shards []*shard, v *dataset.View, group int, mirrored bool) (loss,
	acc float64, err error) {
	classes, part := shards[0].network.config.Classes, shards[0].program.Batch()
	batch := part * len(shards)
	index, labels, logits := make([]int32, batch), make([]int32, batch), make([]float32, batch*classes)
	k := 0 // images of the batch under way
	judge := func(i int) {
		n, p := shards[i].network, shards[i].program
		from, to := i*part, min((i+1)*part, k)
		if from >= to {
			return
		}
		own := logits[from*classes : to*classes]
		look := func(a *dataset.Augmenter) []float32 {
			x := p.Value(n.input)
			v.Batch(x[:len(x)/part*(to-from)], labels[from:to], index[from:to], a)
			if n.labels != nil {
				copy(p.Labels(n.labels), labels[from:])
			}
			p.Forward(false)
			return p.Value(n.logits)[:len(own)]
		}
		copy(own, look(nil))
		if mirrored {
			for j, l := range look(&dataset.Augmenter{Mirror: true}) {
				own[j] = (own[j] + l) / 2
			}
		}
	}
	hits := 0
	for at := 0; at < v.Len(); at += batch {
		if ctx.Err() != nil {
			return 0, 0, context.Cause(ctx)
		}
		k = min(batch, v.Len()-at)
		for i := range k {
			index[i] = int32(at + i)
		}
		if err := team.do(judge); err != nil {
			return 0, 0, err
		}
		for from := 0; from < k; from += group {
			to := min(from+group, k)
			l, h := nn.SoftmaxXent(logits[from*classes:], labels[from:to], classes, 0)
			loss += l * float64(to-from)
			hits += h
		}
	}
	return loss / float64(v.Len()), float64(hits) / float64(v.Len()), nil
}

// fits says whether a network takes the images of the view.
func fits(v *dataset.View, net NetConfig) error {
	if v == nil || v.Len() == 0 {
		return errors.New("there are none")
	}
	if im := v.Data; im.H != net.Image || im.W != net.Image || im.C != net.Channels {
		return fmt.Errorf("they are %dx%dx%d, the network takes %dx%dx%d", im.H, im.W, im.C, net.Image, net.Image,
			net.Channels)
	}
	if v.Classes != net.Classes {
		return fmt.Errorf("they have %d classes, the network has %d", v.Classes, net.Classes)
	}
	return nil
}
