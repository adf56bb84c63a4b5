package child_test

import (
	"bytes"
	"math"
	"testing"

	"nasnet/nas/child"
	"nasnet/nas/nn"
)

// The test needs the weights after every step, but a state exists only between epochs: so each epoch is one step.
func TestTheMovingAverageIsJudgedAndSaved(t *testing.T) {
	const decay, epochs = 0.5, 6
	data := images(t, 8, 20, 10)
	config := child.TrainConfig{Epochs: epochs, Batch: 8, LR: 0.1, Momentum: 0.9, WeightDecay: 1e-3}
	plain := trainer(t, small, config, data)
	config.EMA = decay
	averaged := trainer(t, small, config, data)

	start := tensors(t, state(t, plain), "param/")
	mean := map[string][]float64{}
	for name, v := range start {
		for _, x := range v {
			mean[name] = append(mean[name], float64(x))
		}
	}
	step := 0
	plainResult, err := plain.Run(t.Context(), func(child.Progress) error {
		keep := min(decay, float64(1+step)/float64(10+step))
		step++
		for name, v := range tensors(t, state(t, plain), "param/") {
			for i, x := range v {
				mean[name][i] = keep*mean[name][i] + (1-keep)*float64(x)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if step != epochs {
		t.Fatalf("%d steps, want %d", step, epochs)
	}
	result, err := averaged.Run(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	now := tensors(t, state(t, averaged), "param/")
	for name, v := range tensors(t, state(t, plain), "param/") {
		for i, x := range v {
			if now[name][i] != x {
				t.Fatalf("%s[%d] is %v with an average and %v without; the average must not touch the training", name,
					i, now[name][i], x)
			}
		}
	}

	var file bytes.Buffer
	if err := averaged.Save(&file); err != nil {
		t.Fatal(err)
	}
	differs := false
	for name, v := range tensors(t, file.Bytes(), "param/") {
		for i, x := range v {
			if d := math.Abs(float64(x) - mean[name][i]); !(d <= 1e-5*(1+math.Abs(mean[name][i]))) {
				t.Fatalf("%s[%d] is saved as %v, want %v", name, i, x, mean[name][i])
			}
			differs = differs || x != now[name][i]
		}
	}
	if !differs {
		t.Error("the averages are the weights")
	}
	model, err := child.Load(&file)
	if err != nil {
		t.Fatal(err)
	}
	loss, acc, err := model.Evaluate(t.Context(), data.Val)
	last := result.Epochs[epochs-1]
	if err != nil || math.Abs(loss-last.ValLoss) > 1e-6*last.ValLoss || acc != last.ValAcc {
		t.Errorf("the saved model has loss %v and accuracy %v (error %v); its training reported %v and %v",
			loss, acc, err,
			last.ValLoss, last.ValAcc)
	}
	if last.ValLoss == plainResult.Epochs[epochs-1].ValLoss {
		t.Error("the weights were judged, not their average")
	}
}

// tensors returns the values of a safetensors file whose names begin with a prefix.
func tensors(t testing.TB, file []byte, prefix string) map[string][]float32 {
	t.Helper()
	_, ts, err := nn.ReadSafetensors(bytes.NewReader(file), 0)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string][]float32{}
	for _, s := range ts {
		if len(s.Name) > len(prefix) && s.Name[:len(prefix)] == prefix {
			values[s.Name] = s.F32
		}
	}
	return values
}

// A network that sees images and their mirror images alike judges both alike: with the mean, mirroring the validation
// images must change nothing; without it, the result changes.
func TestTheMeanOverMirrorImagesIgnoresTheirDirection(t *testing.T) {
	data := images(t, 64, 32, 10)
	config := child.TrainConfig{Epochs: 1, Batch: 8, LR: 0.05, Momentum: 0.9}
	mirrored := *data.Val.Data
	mirrored.Pixels = bytes.Clone(mirrored.Pixels)
	for row := 0; row < len(mirrored.Pixels); row += mirrored.W {
		for l, r := row, row+mirrored.W-1; l < r; l, r = l+1, r-1 {
			mirrored.Pixels[l], mirrored.Pixels[r] = mirrored.Pixels[r], mirrored.Pixels[l]
		}
	}
	turned := *data.Val
	turned.Data = &mirrored
	for _, mean := range []bool{false, true} {
		config.FlipAverage = mean
		tr := trainer(t, small, config, data)
		if _, err := tr.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		a, _, err := tr.Evaluate(t.Context(), data.Val)
		if err != nil {
			t.Fatal(err)
		}
		b, _, err := tr.Evaluate(t.Context(), &turned)
		if err != nil {
			t.Fatal(err)
		}
		if same := math.Abs(a-b) < 1e-6; same != mean {
			t.Errorf("flip_average %v: loss %v, of the mirrored images %v", mean, a, b)
		}
	}
}
