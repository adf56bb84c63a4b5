package child

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"nasnet/nas/nn"
	"nasnet/nas/space"
)

// Taken tells what a training begins with.
type Taken struct {
	Values int64    // weights and moving statistics that come from the model
	Of     int64    // that the network has
	Taken  []string // names of the arrays that come from the model
	Fresh  []string // that do not, each with the reason
}

// StartFrom lets the training begin with the weights of a model, the bytes of a file that [Trainer.Save] wrote, wherever an array of the network has one
// of the same name and shape there; the rest keeps its random start. The networks may differ in stack, depth, width, images and classes, but not in their
// cells. Call it before Run and before Restore: which model it was is part of the training's identity.
func (t *Trainer) StartFrom(model []byte) (Taken, error) {
	taken, err := t.startFrom(model)
	if err != nil {
		return Taken{}, fmt.Errorf("child: start from a model: %w", err)
	}
	return taken, nil
}

func (t *Trainer) startFrom(model []byte) (taken Taken, err error) {
	if t.epoch > 0 || t.within {
		return taken, errors.New("the training is under way")
	}
	meta, ts, err := nn.ReadSafetensors(bytes.NewReader(model), 0)
	if err != nil {
		return taken, err
	}
	if meta["format"] != modelFormat {
		return taken, fmt.Errorf("format is %.40q; want %q: is this a model that was saved?", meta["format"], modelFormat)
	}
	g, err := space.ParseJSON([]byte(meta["genotype"]))
	if err != nil {
		return taken, err
	}
	if !sameCell(g.Normal, t.genotype.Normal) || !sameCell(g.Reduction, t.genotype.Reduction) {
		return taken, fmt.Errorf("its cells are %s; want those of the network, %s", g.Text(), t.genotype.Text())
	}
	have := map[string]nn.Tensor{}
	for _, x := range ts {
		if err := checkFinite(x); err != nil {
			return taken, err
		}
		have[x.Name] = x
	}
	for _, own := range paramTensors(t.network.g) {
		n := int64(len(own.F32))
		taken.Of += n
		x, ok := have[own.Name]
		switch {
		case !ok:
			taken.Fresh = append(taken.Fresh, own.Name+": not in the model")
		case x.DType != own.DType || !slices.Equal(x.Shape, own.Shape):
			taken.Fresh = append(taken.Fresh, fmt.Sprintf("%s: %v in the model, here %v", own.Name, x.Shape, own.Shape))
		default:
			copy(own.F32, x.F32)
			taken.Values += n
			taken.Taken = append(taken.Taken, own.Name)
		}
	}
	if len(taken.Taken) == 0 {
		return taken, fmt.Errorf("none of its %d arrays has the name and the shape of one of the network's", len(ts))
	}
	if t.mean != nil {
		t.mean = newAverage(t.train.EMA, t.network.g)
	}
	sum := sha256.Sum256(model)
	t.from = hex.EncodeToString(sum[:])
	return taken, nil
}
