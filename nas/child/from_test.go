package child_test

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nasnet/nas/child"
	"nasnet/nas/space"
)

func TestATrainingBeginsWithTheWeightsOfAModel(t *testing.T) {
	source, data, file := trained(t)
	weights := tensors(t, state(t, source), "param/")
	config := all("sgd")

	config.FlipAverage = false // judge as the model was judged
	same := trainer(t, small, config, data)
	taken, err := same.StartFrom(file)
	if err != nil || taken.Values != taken.Of || len(taken.Fresh) != 0 {
		t.Fatalf("of the same network: %+v, error %v", taken, err)
	}
	for name, v := range tensors(t, state(t, same), "param/") {
		for i, x := range v {
			if x != weights[name][i] {
				t.Fatalf("%s[%d] is %v; the model has %v", name, i, x, weights[name][i])
			}
		}
	}
	begin, _, err := same.Evaluate(t.Context(), data.Val)
	if err != nil {
		t.Fatal(err)
	}
	if want, _, err := source.Evaluate(t.Context(), data.Val); err != nil || (begin-want)/want > 1e-5 ||
		(want-begin)/want > 1e-5 {
		t.Errorf("loss %v at the start; the model has %v (error %v)", begin, want, err)
	}

	whitened := config
	whitened.Whiten = true
	if _, err := trainer(t, small, whitened, data).StartFrom(file); err == nil ||
		!strings.Contains(err.Error(), "without whitening") {
		t.Errorf("a whitened stem was replaced by the model's: %v", err)
	}

	// The model is part of the training's identity.
	if err := trainer(t, small, config, data).Restore(state(t, same)); err == nil ||
		!strings.Contains(err.Error(), "from") {
		t.Errorf("the state of a training that began with a model was loaded without the model: %v", err)
	}
	again := trainer(t, small, config, data)
	if _, err := again.StartFrom(file); err != nil {
		t.Fatal(err)
	}
	if err := again.Restore(state(t, same)); err != nil {
		t.Error(err)
	}
}

// role returns the role of an array's cell in a stack of the given roles, or the array's name if it is in no cell.
func role(roles []string, array string) string {
	parts := strings.Split(array, "/")
	if parts[1] != "cells" {
		return array
	}
	i, _ := strconv.Atoi(parts[2])
	return roles[i]
}

func TestCellsComeFromTheCellOfTheirRole(t *testing.T) {
	cifar1 := []string{"normal 1.1", "reduction 1", "normal 2.1", "reduction 2", "normal 3.1"}
	cifar2 := []string{"normal 1.1", "normal 1.2", "reduction 1", "normal 2.1", "normal 2.2", "reduction 2",
		"normal 3.1", "normal 3.2"}
	imagenet1 := append([]string{"stem 1", "stem 2"}, cifar1...)
	imagenet2 := append([]string{"stem 1", "stem 2"}, cifar2...)
	net := func(stack string, n int) child.NetConfig {
		return child.NetConfig{Stack: stack, N: n, Filters: 4, Image: 32, Channels: 1, Classes: 4}
	}
	data := images(t, 60, 20, 32)
	config := all("sgd")
	cut := func(s string) string { return s[strings.LastIndex(s, "cells/")+len("cells/0"):] }
	for name, c := range map[string]struct {
		from, to           child.NetConfig
		fromRoles, toRoles []string
		fresh              map[string]string // why, by the role of its cell and the rest of its name
	}{
		"the same network": {net("cifar", 2), net("cifar", 2), cifar2, cifar2, nil},
		"deeper": {net("cifar", 1), net("cifar", 2), cifar1, cifar2, map[string]string{
			"normal 1.2":        "the model has no normal cell 2 of stage 1",
			"normal 2.2":        "the model has no normal cell 2 of stage 2",
			"normal 3.2":        "the model has no normal cell 2 of stage 3",
			"reduction 1 /prev": "h[i-1] of reduction 1 is the output of a normal cell, in the model of the stem",
			"reduction 2 /prev": "h[i-1] of reduction 2 is the output of a normal cell, in the model of a reduction"}},
		"shallower": {net("cifar", 2), net("cifar", 1), cifar2, cifar1, map[string]string{
			"reduction 1 /prev": "h[i-1] of reduction 1 is the output of the stem, in the model of a normal cell",
			"reduction 2 /prev": "h[i-1] of reduction 2 is the output of a reduction, in the model of a normal cell"}},
		"to the imagenet stack": {net("cifar", 2), net("imagenet", 2), cifar2, imagenet2, map[string]string{
			"stem 1": "the model has no stem reduction 1", "stem 2": "the model has no stem reduction 2",
			"param/stem/conv/w": "[3 3 1 12] in the model, here [3 3 1 32]",
			"param/stem/bn":     "[12] in the model, here [32]",
			"normal 1.1 /cur": "h[i] of normal cell 1 of stage 1 is the output of a stem reduction, in the model of " +
				"the stem",
			"normal 1.1 /prev": "h[i-1] of normal cell 1 of stage 1 is the output of a stem reduction, in the model " +
				"of the stem",
			"normal 1.2 /prev": "h[i-1] of normal cell 2 of stage 1 is the output of a stem reduction, in the model " +
				"of the stem"}},
		"deeper in the imagenet stack": {net("imagenet", 1), net("imagenet", 2), imagenet1, imagenet2,
			map[string]string{
				"normal 1.2": "the model has no normal cell 2 of stage 1",
				"normal 2.2": "the model has no normal cell 2 of stage 2",
				"normal 3.2": "the model has no normal cell 2 of stage 3",
				"reduction 1 /prev": "h[i-1] of reduction 1 is the output of a normal cell, in the model of a stem " +
					"reduction",
				"reduction 2 /prev": "h[i-1] of reduction 2 is the output of a normal cell, in the model of a " +
					"reduction"}},
		"to the stack whose reductions replace normal cells": {net("imagenet", 2),
			net("pnasnet", 2), imagenet2,
			[]string{"stem 1", "stem 2", "normal 1.1", "normal 1.2", "reduction 1", "normal 2.1", "reduction 2",
				"normal 3.1"}, map[string]string{
				"reduction 2 /prev": "h[i-1] of reduction 2 is the output of a reduction, in the model of a normal " +
					"cell"}},
	} {
		t.Run(name, func(t *testing.T) {
			source := trainer(t, c.from, child.TrainConfig{Epochs: 1, Batch: 8, LR: 0.1}, data)
			var b bytes.Buffer
			if err := source.Save(&b); err != nil {
				t.Fatal(err)
			}
			weights := tensors(t, state(t, source), "param/")
			start := tensors(t, state(t, trainer(t, c.to, config, data, 7)), "param/")
			target := trainer(t, c.to, config, data, 7)
			taken, err := target.StartFrom(b.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			now := tensors(t, state(t, target), "param/")
			if n := len(taken.Arrays) + len(taken.Fresh); n != len(now) {
				t.Errorf("%d arrays are reported, want %d", n, len(now))
			}
			values := int64(0)
			for _, x := range taken.Arrays {
				values += int64(len(now[x.Name]))
				if !slices.Equal(now[x.Name], weights[x.From]) {
					t.Errorf("%s is not %s of the model", x.Name, x.From)
				}
				if role(c.toRoles, x.Name) != role(c.fromRoles, x.From) ||
					strings.Contains(x.Name, "cells/") && cut(x.Name) != cut(x.From) {
					t.Errorf("%s (%s) was taken from %s (%s)", x.Name, role(c.toRoles, x.Name), x.From,
						role(c.fromRoles, x.From))
				}
			}
			if values != taken.Values {
				t.Errorf("%d values, want %d", taken.Values, values)
			}
			seen := map[string]bool{}
			for _, x := range taken.Fresh {
				if !slices.Equal(now[x.Name], start[x.Name]) {
					t.Errorf("%s lost its random values", x.Name)
				}
				own := role(c.toRoles, x.Name)
				if strings.Contains(x.Name, "cells/") {
					own += " " + cut(x.Name)
				}
				known := false
				for where, why := range c.fresh {
					if (own == where || strings.HasPrefix(own, where+" ") || strings.HasPrefix(own, where+"/")) &&
						x.Why == why {
						seen[where], known = true, true
					}
				}
				if !known {
					t.Errorf("%s (%s) begins at random: %s", x.Name, own, x.Why)
				}
			}
			for where, why := range c.fresh {
				if !seen[where] {
					t.Errorf("%s does not begin at random because %s", where, why)
				}
			}
		})
	}
}

// A model comes from outside: it is refused before its cells are looked up if its arrays cannot belong to the network
// it describes.
func TestAModelThatMisstatesItsNetworkIsRefusedAsAStart(t *testing.T) {
	_, data, file := trained(t)
	for net, says := range map[string]string{`{"n":200}`: "three times 200 normal cells", `{"n":-1}`: "n is -1",
		`{"stack":"tower"}`: "stack is", `{`: "net: "} {
		if _, err := trainer(t, small, all("sgd"), data).StartFrom(described(t, file,
			map[string]string{"net": net})); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v; want %q", net, err, says)
		}
	}
}

func TestModelsThatDoNotFitAreRefusedAsAStart(t *testing.T) {
	_, data, file := trained(t)
	g, err := space.ParseText("normal=h.s5+p.i h.m3&0.c3 reduction=h.s3+p.a3 0.i&p.c1")
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := child.NewTrainer(g, small, all("sgd"), data, 5)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := foreign.StartFrom(file); err == nil || !strings.Contains(err.Error(), "its cells are") {
		t.Errorf("other cells: error %v", err)
	}
	if _, err := trainer(t, small, all("sgd"), data).StartFrom(file[:100]); err == nil {
		t.Error("a damaged model was taken")
	}
	_, err = trainer(t, small, all("sgd"), data).StartFrom(state(t, trainer(t, small, all("sgd"), data)))
	if err == nil || !strings.Contains(err.Error(), "format") {
		t.Errorf("a state is no model: error %v", err)
	}
}

func TestAStateHasThePlannedEpochs(t *testing.T) {
	_, data, file := trained(t)
	if n, err := child.PlannedEpochs(state(t, trainer(t, small, all("sgd"), data))); err != nil || n != 4 {
		t.Errorf("%d epochs, error %v; want 4", n, err)
	}
	for name, b := range map[string][]byte{"a model": file, "a part": file[:20], "nothing": nil} {
		if n, err := child.PlannedEpochs(b); err == nil {
			t.Errorf("%s: %d epochs", name, n)
		}
	}
}
