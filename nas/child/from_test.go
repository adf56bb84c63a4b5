package child_test

import (
	"strings"
	"testing"

	"nasnet/nas/child"
	"nasnet/nas/space"
)

func TestATrainingBeginsWithTheWeightsOfAModel(t *testing.T) {
	source, data, file := trained(t)
	weights := tensors(t, state(t, source), "param/")
	config := all("sgd")

	config.FlipAverage = false // judged as the model
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
	if want, _, err := source.Evaluate(t.Context(), data.Val); err != nil || (begin-want)/want > 1e-5 || (want-begin)/want > 1e-5 {
		t.Errorf("loss %v at the start; the model has %v (error %v)", begin, want, err)
	}

	// A deeper network has more arrays, and others under some of the names.
	other := images(t, 60, 20, 10)
	deep := small
	deep.N = 2
	deeper := trainer(t, deep, config, other)
	fresh := tensors(t, state(t, trainer(t, deep, config, other)), "param/")
	taken, err = deeper.StartFrom(file)
	if err != nil || taken.Values == 0 || taken.Values >= taken.Of || len(taken.Fresh) == 0 {
		t.Fatalf("of a deeper network: %+v, error %v", taken, err)
	}
	now := tensors(t, state(t, deeper), "param/")
	for _, name := range taken.Taken {
		if now[name][0] != weights[name][0] {
			t.Errorf("%s was taken but is %v; the model has %v", name, now[name][0], weights[name][0])
		}
	}
	for _, why := range taken.Fresh {
		name, _, _ := strings.Cut(why, ":")
		if now[name][0] != fresh[name][0] {
			t.Errorf("%s was not taken but is %v; at random it is %v", name, now[name][0], fresh[name][0])
		}
	}

	// The model is part of what the training is.
	if err := trainer(t, small, config, data).Restore(state(t, same)); err == nil || !strings.Contains(err.Error(), "from") {
		t.Errorf("a state that began with a model was taken up without it: %v", err)
	}
	again := trainer(t, small, config, data)
	if _, err := again.StartFrom(file); err != nil {
		t.Fatal(err)
	}
	if err := again.Restore(state(t, same)); err != nil {
		t.Error(err)
	}
}

func TestModelsThatDoNotFitAreNoStart(t *testing.T) {
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
	if _, err := trainer(t, small, all("sgd"), data).StartFrom(state(t, trainer(t, small, all("sgd"), data))); err == nil || !strings.Contains(err.Error(), "format") {
		t.Errorf("a state is no model: error %v", err)
	}
}

func TestAStateTellsHowManyEpochsItsTrainingHas(t *testing.T) {
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
