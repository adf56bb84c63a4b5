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

// Taken tells what a training begins with.
type Taken struct {
	Values int64 // weights and moving statistics that come from the model
	Of     int64 // that the network has
	Arrays []TakenArray
	Fresh  []FreshArray
}

// TakenArray is an array of the network that comes from the model.
type TakenArray struct {
	Name string `json:"name"`
	From string `json:"from"` // its name in the model
	Role string `json:"role"` // of its cell, "" outside cells
}

// FreshArray is an array of the network that keeps its random start.
type FreshArray struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// StartFrom lets the training begin with the weights of a model, the bytes of a file that [Trainer.Save] wrote; what
// has no counterpart of its shape there keeps its random start. The networks may differ in stack, depth, width, images
// and classes, but not in their cells.
//
// Stem and classifiers are counterparts by name, cells by what they are in their stacks: reduction 1 of reduction 1,
// normal cell 2 of stage 3 (after the second reduction) of the same, the reductions of an ImageNet stem of one another.
// In a stage that is deeper here, the first cells come from the model and the others begin fresh: a copy of a cell that
// was trained to read something else is no better start, and would hide that it is one. For the same reason the
// projections of a cell's inputs (cur, prev) are taken only where they read outputs of the same kind: with N=1 the
// first reduction's h[i-1] is the stem, with N=2 it is a normal cell.
//
// A training that whitens its stem cannot begin with the stem of a model, which is an error. Call it before Run and
// before Restore: which model it was is part of the training's identity.
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
		return taken, fmt.Errorf("format is %.40q; want %q: is this a model that was saved?",
			meta["format"], modelFormat)
	}
	g, err := space.ParseJSON([]byte(meta["genotype"]))
	if err != nil {
		return taken, err
	}
	if !sameCell(g.Normal, t.genotype.Normal) || !sameCell(g.Reduction, t.genotype.Reduction) {
		return taken, fmt.Errorf("its cells are %s; want those of the network, %s", g.Text(), t.genotype.Text())
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
		// the first of all: nothing is taken yet
		if t.train.Whiten && own.Name == "param/"+t.network.g.Params()[0].Name {
			return Taken{}, errors.New("the stem's filters would be the model's and not the whitened ones; want it " +
				"without whitening")
		}
		copy(own.F32, x.F32)
		taken.Values += int64(len(own.F32))
		taken.Arrays = append(taken.Arrays, TakenArray{Name: own.Name, From: from, Role: role})
	}
	if len(taken.Arrays) == 0 {
		return taken, fmt.Errorf("none of its %d arrays is the counterpart, of the same shape, of one of the "+
			"network's", len(ts))
	}
	if t.mean != nil {
		t.mean = newAverage(t.train.EMA, t.network.g)
	}
	sum := sha256.Sum256(model)
	t.from = hex.EncodeToString(sum[:])
	return taken, nil
}

// counterparts finds the arrays of one network in another one of the same cells.
type counterparts struct {
	own, other []place
	at         map[role]int // the cell of the other network that has the role
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

// of returns the name that an array has in the other network, and the role of its cell; or why it has no counterpart
// there.
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

// output says of what kind the output of a number is; -1 is the stem's as well, see [place].
func output(ps []place, i int) string {
	if i <= 0 {
		return "the stem"
	}
	return ps[i-1].kind()
}
