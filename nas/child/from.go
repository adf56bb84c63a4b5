package child

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"nasnet/nas/nn"
	"nasnet/nas/space"
	"nasnet/nas/strictjson"
)

// Taken reports what a training begins with.
type Taken struct {
	Values int64 // weights and moving statistics taken from the model
	Of     int64 // all those of the network
	Arrays []TakenArray
	Fresh  []FreshArray
}

// TakenArray is an array of the network that was taken from the model.
type TakenArray struct {
	Name string `json:"name"`
	From string `json:"from"` // its name in the model
	Role string `json:"role"` // role of its cell; "" outside cells
}

// FreshArray is an array of the network that keeps its random values.
type FreshArray struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// StartFrom lets the training begin with the weights of a model, given as the bytes of a file that [Trainer.Save]
// wrote. An array keeps its random values if the model has no counterpart of its shape. The networks may differ in
// stack, depth, width, images and classes, but not in their cells.
//
// Stem and classifiers are matched by name, cells by their role in the stack: reduction 1 with reduction 1, normal cell
// 2 of stage 3 (after the second reduction) with the same, reductions of an ImageNet stem with each other. If a stage
// is deeper here, its first cells come from the model and the others start fresh: a copy of a cell that was trained on
// other inputs is no better start, and would hide that it is a copy. For the same reason the projections of a cell's
// inputs (cur, prev) are taken only where both read outputs of the same kind: with N=1 the first reduction's h[i-1] is
// the stem, with N=2 it is a normal cell.
//
// It is an error to whiten the stem of a training that begins with a model's stem. Call StartFrom before Run and before
// Restore: the model is part of the training's identity.
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
		return taken, fmt.Errorf("format is %.40q; want %q: is this a saved model?",
			meta["format"], modelFormat)
	}
	g, err := space.ParseJSON([]byte(meta["genotype"]))
	if err != nil {
		return taken, err
	}
	if !sameCell(g.Normal, t.genotype.Normal) || !sameCell(g.Reduction, t.genotype.Reduction) {
		return taken, fmt.Errorf("its cells are %s; want the network's, %s", g.Text(), t.genotype.Text())
	}
	var net NetConfig
	if err := strictjson.Decode([]byte(meta["net"]), maxMeta, &net); err != nil {
		return taken, fmt.Errorf("net: %w", err)
	}
	if err := plausible(len(ts), net); err != nil {
		return taken, fmt.Errorf("net: %w", err)
	}
	other, err := counterpartsOf(t.network, g, net.WithDefaults())
	if err != nil {
		return taken, err
	}
	have := map[string]nn.Tensor{}
	for _, x := range ts {
		if err := checkFinite(x); err != nil {
			return taken, err
		}
		have[x.Name] = x
	}
	for _, own := range paramTensors(t.network.g) {
		taken.Of += int64(len(own.F32))
		from, role, why := other.of(own.Name)
		x, ok := have[from]
		switch {
		case why != "":
		case !ok && from == own.Name:
			why = "not in the model"
		case !ok:
			why = fmt.Sprintf("no %s in the model", from)
		case x.DType != own.DType || !slices.Equal(x.Shape, own.Shape):
			why = fmt.Sprintf("%v in the model, here %v", x.Shape, own.Shape)
		}
		if why != "" {
			taken.Fresh = append(taken.Fresh, FreshArray{Name: own.Name, Why: why})
			continue
		}
		// the first array of all, so nothing has been taken yet
		if t.train.Whiten && own.Name == "param/"+t.network.g.Params()[0].Name {
			return Taken{},
				errors.New("whitening would be lost: the stem's filters come from the model; want a training " +
					"without whitening")
		}
		copy(own.F32, x.F32)
		taken.Values += int64(len(own.F32))
		taken.Arrays = append(taken.Arrays, TakenArray{Name: own.Name, From: from, Role: role})
	}
	if len(taken.Arrays) == 0 {
		return taken, fmt.Errorf("none of its %d arrays matches, in role and shape, one of the "+
			"network's", len(ts))
	}
	if t.mean != nil {
		t.mean = newAverage(t.train.EMA, t.network.g)
	}
	sum := sha256.Sum256(model)
	t.from = hex.EncodeToString(sum[:])
	return taken, nil
}

// counterparts finds the arrays of one network in another network of the same cells.
type counterparts struct {
	own, other []place
	at         map[role]int // the other network's cell of each role
}

func counterpartsOf(n *network, g space.Genotype, other NetConfig) (*counterparts, error) {
	stack, err := other.stackFor(g)
	if err != nil {
		return nil, fmt.Errorf("net: %w", err)
	}
	c := &counterparts{own: layout(n.config, n.stack), other: layout(other, stack), at: map[role]int{}}
	for i, p := range c.other {
		c.at[p.role] = i
	}
	return c, nil
}

// of returns the name that an array has in the other network and the role of its cell, or why it has no counterpart.
func (c *counterparts) of(name string) (from, role, why string) {
	const prefix = "param/"
	cell, rest, ok := cutCell(strings.TrimPrefix(name, prefix))
	if !ok {
		return name, "", ""
	}
	p := c.own[cell]
	i, ok := c.at[p.role]
	if !ok {
		return "", p.role.String(), fmt.Sprintf("the model has no %s", p.role)
	}
	q := c.other[i]
	for _, in := range []struct {
		path, state string
		own, other  int
	}{{"cur/", "h[i]", p.cur, q.cur}, {"prev/", "h[i-1]", p.prev, q.prev}} {
		own, other := output(c.own, in.own), output(c.other, in.other)
		if strings.HasPrefix(rest, in.path) && own != other {
			return "", p.role.String(), fmt.Sprintf("%s of %s is the output of %s, in the model of %s", in.state,
				p.role, own, other)
		}
	}
	return prefix + cellPath(i) + "/" + rest, p.role.String(), ""
}

// output names the kind of an output. -1 also means the stem; see [place].
func output(ps []place, i int) string {
	if i <= 0 {
		return "the stem"
	}
	return ps[i-1].kind()
}
