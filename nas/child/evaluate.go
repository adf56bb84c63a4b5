package child

import (
	"context"
	"errors"
	"fmt"

	"nasnet/dataset"
	"nasnet/nas/nn"
)

// Evaluate judges the network, by its moving statistics, on all images of a view: the mean cross entropy and the fraction that is right.
func (t *Trainer) Evaluate(ctx context.Context, v *dataset.View) (loss, acc float64, err error) {
	defer recoverPanic(&err)
	if err := fits(v, t.net); err != nil {
		return 0, 0, fmt.Errorf("child: images to judge by: %w", err)
	}
	t.prepare()
	return evaluate(ctx, t.program, t.network, v)
}

// evaluate runs a view through a program in batches; the last one is filled up with what lies in memory, which changes nothing.
func evaluate(ctx context.Context, p *nn.Program, n *network, v *dataset.View) (loss, acc float64, err error) {
	batch, classes := p.Batch(), n.config.Classes
	x, logits := p.Value(n.input), p.Value(n.logits)
	per := len(x) / batch
	index, labels := make([]int32, batch), make([]int32, batch)
	hits := 0
	for at := 0; at < v.Len(); at += batch {
		if ctx.Err() != nil {
			return 0, 0, context.Cause(ctx)
		}
		k := min(batch, v.Len()-at)
		for i := range k {
			index[i] = int32(at + i)
		}
		v.Batch(x[:k*per], labels[:k], index[:k], nil)
		if n.labels != nil {
			copy(p.Labels(n.labels), labels)
		}
		p.Forward(false)
		l, h := nn.SoftmaxXent(logits, labels[:k], classes, 0)
		loss += l * float64(k)
		hits += h
	}
	return loss / float64(v.Len()), float64(hits) / float64(v.Len()), nil
}

// fits says whether a network takes the images of the view.
func fits(v *dataset.View, net NetConfig) error {
	if v == nil || v.Len() == 0 {
		return errors.New("there are none")
	}
	if im := v.Data; im.H != net.Image || im.W != net.Image || im.C != net.Channels {
		return fmt.Errorf("they are %dx%dx%d, the network takes %dx%dx%d", im.H, im.W, im.C, net.Image, net.Image, net.Channels)
	}
	if v.Classes != net.Classes {
		return fmt.Errorf("they have %d classes, the network has %d", v.Classes, net.Classes)
	}
	return nil
}
