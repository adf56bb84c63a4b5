package controller_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"nasnet/nas/controller"
	"nasnet/nas/rng"
)

// Whatever its bytes, a table is refused with the package's name, or every point of its space has an accuracy in
// percent.
func FuzzReadTable(f *testing.F) {
	for _, s := range []string{`{"00":{"test_acc":[1,2],"mean_acc":1.5},"01":{"test_acc":[3]}}`,
		`{"0":{"test_acc":[1]},"1":{"test_acc":[1e999]}}`, `{"0":{"test_acc":[-1]},"1":{"test_acc":[101]}}`,
		`{"0":{"test_acc":[1],"mean_acc":1e300},"1":{"test_acc":[1],"flops":[[]]}}`, `{"":{"test_acc":[1]}}`, `{}`,
		`[]`, `{"9999999999":{"test_acc":[1]}}`, `{"0":{"test_acc":[1]},"0":{"test_acc":[2]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tab, err := controller.ReadTable(bytes.NewReader(b))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "controller: table") || len(err.Error()) > 1000 {
				t.Fatalf("error %q", err)
			}
			return
		}
		r := rng.Stream(1, "fuzz")
		for range 20 {
			choices := make([]int, len(tab.Arities))
			for d, a := range tab.Arities {
				choices[d] = r.IntN(a)
			}
			for _, x := range []float64{tab.Mean(choices), tab.Draw(r, choices)} {
				if !(x >= 0 && x <= 100) {
					t.Fatalf("%v has accuracy %v", choices, x)
				}
			}
		}
	})
}

// Whatever its bytes, a controller's state is refused and leaves the controller as it was, or it is loaded and the
// controller proposes, learns and returns its state.
func FuzzControllerState(f *testing.F) {
	fresh := make([]controller.Controller, len(controller.Strategies))
	for i, s := range controller.Strategies {
		c, err := controller.New(arities, config(s.Name))
		if err != nil {
			f.Fatal(err)
		}
		batch := draw(c, 0, 20)
		if _, err := c.Update(batch); err != nil {
			f.Fatal(err)
		}
		b, err := c.State()
		if err != nil {
			f.Fatal(err)
		}
		fresh[i] = c
		f.Add(uint8(i), b)
		f.Add(uint8(i), b[:len(b)/2])
		f.Add(uint8(i), bytes.Replace(b, []byte("0."), []byte("9e"), -1))
	}
	f.Fuzz(func(t *testing.T, strategy uint8, b []byte) {
		i := int(strategy) % len(fresh)
		c, before := fresh[i], state(t, fresh[i])
		if err := c.Restore(b); err != nil {
			if !strings.HasPrefix(err.Error(), "controller: state") {
				t.Errorf("error %q", err)
			}
			if !bytes.Equal(state(t, c), before) {
				t.Fatalf("after %v the controller has changed", err)
			}
			return
		}
		defer func() {
			if err := c.Restore(before); err != nil {
				t.Fatal(err)
			}
		}()
		p := c.Propose(rng.Stream(1, "fuzz"))
		for d, x := range p.Choices {
			if x < 0 || x >= arities[d] {
				t.Fatalf("proposes %v of %v", p.Choices, arities)
			}
		}
		for _, l := range p.LogP {
			if math.IsNaN(l) || l > 0 {
				t.Fatalf("with the log probabilities %v", p.LogP)
			}
		}
		taken := state(t, c)
		if err := c.Restore(taken); err != nil || !bytes.Equal(state(t, c), taken) {
			t.Fatalf("a loaded state is not returned again: %v", err)
		}
	})
}
