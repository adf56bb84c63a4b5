package child_test

import (
	"bytes"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"nasnet/nas/child"
	"nasnet/nas/nn"
)

func trained(t testing.TB) (*child.Trainer, child.Data, []byte) {
	t.Helper()
	data := images(t, 120, 37, 10)
	tr := trainer(t, small, child.TrainConfig{Epochs: 2, Batch: 8, LR: 0.1, Momentum: 0.9}, data)
	if _, err := tr.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tr.Save(&b); err != nil {
		t.Fatal(err)
	}
	return tr, data, b.Bytes()
}

// A model is judged on all cores, and the result is the same bit for bit.
func TestTheNumberOfCoresChangesNoJudgement(t *testing.T) {
	_, _, file := trained(t)
	view := images(t, 8, 300, 10).Val // four full batches of 64 and a partial one
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var want [2]float64
	for _, cores := range []int{1, 2, 3, 9} {
		runtime.GOMAXPROCS(cores)
		m, err := child.Load(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		loss, acc, err := m.Evaluate(t.Context(), view)
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]float64{loss, acc}; cores == 1 {
			want = got
		} else if got != want {
			t.Errorf("on %d cores loss and accuracy are %v, on one %v", cores, got, want)
		}
	}
}

func TestALoadedModelJudgesAndPredictsAsTheTrainedOne(t *testing.T) {
	tr, data, file := trained(t)
	m, err := child.Load(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	wantLoss, wantAcc, err := tr.Evaluate(t.Context(), data.Val)
	if err != nil {
		t.Fatal(err)
	}
	other := *data.Val
	// as of other data: the model uses the normalisation it was trained with
	other.Mean, other.Std = []float32{0}, []float32{1}
	loss, acc, err := m.Evaluate(t.Context(), &other)
	if err != nil || math.Abs(loss-wantLoss) > 1e-5*wantLoss || acc != wantAcc {
		t.Errorf("loss %v, accuracy %v (error %v); want %v, %v", loss, acc, err, wantLoss, wantAcc)
	}
	if cost, err := child.CostOf(m.Genotype, m.Net); err != nil || cost != tr.Cost() ||
		!reflect.DeepEqual(m.ClassNames, data.ClassNames) || m.Data != "noise" || m.Genotype.Text() != tiny(t).Text() ||
		len(m.Epochs) != 2 || m.Train.LR != 0.1 {
		t.Errorf("the model describes itself as %+v", m)
	}
	per := 10 * 10
	right := 0
	var pixels []uint8
	for _, i := range data.Val.Index {
		pixels = append(pixels, data.Val.Data.Pixels[int(i)*per:(int(i)+1)*per]...)
	}
	for _, part := range [][]uint8{pixels[:per], pixels[per : 4*per], pixels[4*per:]} { // batches of several sizes
		p, err := m.Predict(part)
		if err != nil {
			t.Fatal(err)
		}
		for len(p) > 0 {
			sum, best := 0.0, 0
			for c, v := range p[:4] {
				sum += float64(v)
				if v > p[best] {
					best = c
				}
			}
			if math.Abs(sum-1) > 1e-5 {
				t.Errorf("probabilities %v sum to %v", p[:4], sum)
			}
			n := len(pixels)/per - len(p)/4 - (len(pixels)-len(part))/per
			switch len(part) / per {
			case 3:
				n++
			case 33:
				n += 4
			}
			if int(data.Val.Data.Labels[data.Val.Index[n]]) == best {
				right++
			}
			p = p[4:]
		}
	}
	if got := float64(right) / 37; math.Abs(got-wantAcc) > 1e-12 {
		t.Errorf("predictions are right for %v, evaluation finds %v", got, wantAcc)
	}
	if _, err := m.Predict(pixels[:per-1]); err == nil {
		t.Error("a part of an image was predicted")
	}
	if _, _, err := m.Evaluate(t.Context(), images(t, 8, 8, 12).Val); err == nil ||
		!strings.Contains(err.Error(), "12x12x1") {
		t.Errorf("images of another size: error %v", err)
	}
}

func TestBrokenModelsAreRefused(t *testing.T) {
	_, _, file := trained(t)
	swap := func(old, new string) []byte {
		if !bytes.Contains(file, []byte(old)) || len(old) != len(new) {
			t.Fatalf("%q for %q cannot be tried", new, old)
		}
		return bytes.Replace(file, []byte(old), []byte(new), 1)
	}
	for want, b := range map[string][]byte{
		"arrays for three times 200 normal": described(t, file,
			map[string]string{"net": `{"n":200,"filters":4,"image":10,"channels":1,"classes":4}`}),
		`"n" occurs twice`:  described(t, file, map[string]string{"net": `{"n":1,"n":1}`}),
		`unknown field "m"`: described(t, file, map[string]string{"net": `{"n":1,"m":1}`}),
		"/op1/bn1/mean has NaN at place 0": func() []byte {
			meta, ts, err := nn.ReadSafetensors(bytes.NewReader(file), 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range ts {
				if x.Name == "param/cells/0/block0/op1/bn1/mean" {
					x.F32[0] = float32(math.NaN())
				}
			}
			var b bytes.Buffer
			if err := nn.WriteSafetensors(&b, meta, ts); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}(),
		"EOF":                    file[:len(file)-1],
		"is this a saved model":  swap("nasnet-model/1", "nasnet-model/9"),
		"space:":                 swap(`\"sep3x3\"`, `\"sep9x9\"`),
		"want F32 of":            swap(`\"filters\":4`, `\"filters\":5`),
		"of another network":     swap("param/cells/0/block0/op1/bn1/mean", "param/cells/0/block0/op1/bn1/meam"),
		"1 means and 1 deviat":   swap(`\"channels\":1`, `\"channels\":2`),
		"4 names for 5 classes":  swap(`\"classes\":4`, `\"classes\":5`),
		"2 means and 1 deviatio": swap(`"mean":"[0.`, `"mean":"[0,`),
	} {
		_, err := child.Load(bytes.NewReader(b))
		if err == nil {
			t.Errorf("no error, want %q", want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
