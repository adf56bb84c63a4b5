package child

import (
	"context"
	"errors"
	"fmt"

	"nasnet/dataset"
	"nasnet/nas/nn"
)

// Evaluate judges the network with its moving statistics on all images of a view: it returns the mean cross entropy and
// the fraction of correct predictions.
func (t *Trainer) Evaluate(ctx context.Context, v *dataset.View) (loss, acc float64, err error) {
	defer recoverPanic(&err)
	if err := fits(v, t.net); err != nil {
		return 0, 0, fmt.Errorf("child: images to evaluate on: %w", err)
	}
	t.prepare()
	team := newTeam(len(t.shards), t.threads)
	defer team.close()
	return t.judge(ctx, team, v)
}

// judge evaluates the weights that will be saved: their moving average, if there is one.
func (t *Trainer) judge(ctx context.Context, team *team, v *dataset.View) (loss, acc float64, err error) {
	if t.mean != nil {
		t.mean.swap(t.shards)
		defer t.mean.swap(t.shards)
	}
	return evaluate(ctx, team, t.shards, v, len(t.shards)*t.shards[0].program.Batch(), t.train.FlipAverage)
}

// evaluate runs a view through the shards in batches. The last batch is filled up with whatever is in memory, which
// changes nothing. Examples do not depend on one another, and losses are added in the order of the view, group by
// group: the number of shards changes no bit of the result. Their size changes only the last bits of a logit, which
// depend on its row's place in a product. If mirrored is set, the logits of an image are the mean of its own and its
// mirror image's.
func evaluate(ctx context.Context, team *team, shards []*shard, v *dataset.View, group int, mirrored bool) (loss,
	acc float64, err error) {
	classes, part := shards[0].network.config.Classes, shards[0].program.Batch()
	batch := part * len(shards)
	index, labels, logits := make([]int32, batch), make([]int32, batch), make([]float32, batch*classes)
	k := 0 // images in the current batch
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

// fits returns an error if a network cannot read the images of a view.
func fits(v *dataset.View, net NetConfig) error {
	if v == nil || v.Len() == 0 {
		return errors.New("there are none")
	}
	if im := v.Data; im.H != net.Image || im.W != net.Image || im.C != net.Channels {
		return fmt.Errorf("they are %dx%dx%d; want %dx%dx%d, as the network", im.H, im.W, im.C, net.Image, net.Image,
			net.Channels)
	}
	if v.Classes != net.Classes {
		return fmt.Errorf("they have %d classes; want %d, as the network", v.Classes, net.Classes)
	}
	return nil
}
