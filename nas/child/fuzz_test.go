package child_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"nasnet/nas/child"
	"nasnet/nas/nn"
)

// described returns the file with some metadata replaced; an empty text keeps the file's own.
func described(t testing.TB, file []byte, texts map[string]string) []byte {
	t.Helper()
	meta, ts, err := nn.ReadSafetensors(bytes.NewReader(file), 0)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range texts {
		if v != "" {
			meta[k] = v
		}
	}
	var b bytes.Buffer
	if nn.WriteSafetensors(&b, meta, ts) != nil {
		t.Skip() // not UTF-8
	}
	return b.Bytes()
}

// noPanic fails for an error that is a recovered panic: whatever is wrong with a file must be found before it breaks
// something.
func noPanic(t *testing.T, err error) {
	t.Helper()
	var p *child.PanicError
	if errors.As(err, &p) {
		t.Fatalf("%v\n%s", p, p.Stack)
	}
}

// Whatever its metadata, a model is refused without a panic or makes predictions.
func FuzzModel(f *testing.F) {
	_, data, file := trained(f)
	other := trainer(f, small, child.TrainConfig{Epochs: 1, Batch: 8, LR: 0.1}, data)
	f.Add([]byte(nil), "", "", "", "", "")
	f.Add(file[:len(file)/2], "", "", "", "", "")
	f.Add([]byte(nil),
		`{"normal":{"blocks":[{"in1":0,"op1":"identity","in2":1,"op2":"sep3x3","combine":"concat"}]},`+
			`"reduction":{"blocks":[{"in1":0,"op1":"max7x7","in2":1,"op2":"dil3x3","combine":"add"}]}}`, "", "", "", "")
	for _, net := range []string{`{"n":200,"filters":16384,"image":2048,"channels":1024,"classes":1048576}`,
		`{"n":1,"filters":4,"image":10,"channels":1,"classes":4,"stem_multiplier":1e-300}`,
		`{"n":1,"filters":4,"image":10,"channels":1,"classes":4,"bn_eps":1e-45,"bn_decay":0.5,"aux":true}`, `{"n":-1}`,
		`{"stack":"imagenet","n":1,"filters":8,"image":64,"channels":1,"classes":4}`} {
		f.Add([]byte(nil), "", net, "", "", "")
	}
	f.Add([]byte(nil), "", "", "[1e38]", "[1e-45]", `["\u001b[2J","","x","y"]`)
	f.Add([]byte(nil), "", "", "[0]", "[0]", `["a"]`)
	f.Fuzz(func(t *testing.T, raw []byte, genotype, net, mean, std, names string) {
		if len(raw) == 0 {
			raw = described(t, file, map[string]string{"genotype": genotype, "net": net, "mean": mean, "std": std,
				"class_names": names})
		}
		before := state(t, other)
		if _, err := other.StartFrom(raw); err != nil {
			noPanic(t, err)
			if !bytes.Equal(state(t, other), before) {
				t.Fatalf("after %v the trainer has changed", err)
			}
		}
		m, err := child.Load(bytes.NewReader(raw))
		if err != nil {
			noPanic(t, err)
			return
		}
		n := m.Net
		if n.Image > 64 {
			return
		}
		p, err := m.Predict(make([]uint8, n.Image*n.Image*n.Channels))
		if err != nil || len(p) != n.Classes || len(m.ClassNames) != 0 && len(m.ClassNames) != n.Classes {
			noPanic(t, err)
			t.Fatalf("%d probabilities of %d classes, %v", len(p), n.Classes, err)
		}
	})
}

// Whatever its bytes, a trainer's state is loaded whole or leaves the trainer as it was.
func FuzzTrainerState(f *testing.F) {
	tr, data, _ := trained(f)
	done := state(f, tr)
	fresh := trainer(f, small, child.TrainConfig{Epochs: 2, Batch: 8, LR: 0.1, Momentum: 0.9}, data)
	f.Add([]byte(nil), "", "", "")
	f.Add(done[:100], "", "", "")
	f.Add([]byte(nil), "1", `[{"epoch":1}]`, "")
	f.Add([]byte(nil), "-1", "[]", "")
	f.Add([]byte(nil), "0", "[]", `{"Cells":"x"}`)
	f.Add([]byte(nil), "", "", "{")
	f.Fuzz(func(t *testing.T, raw []byte, epoch, results, identity string) {
		if len(raw) == 0 {
			raw = described(t, done, map[string]string{"epoch": epoch, "results": results, "child": identity})
		}
		before := state(t, fresh)
		if err := fresh.Restore(raw); err != nil {
			noPanic(t, err)
			if !bytes.Equal(state(t, fresh), before) {
				t.Fatalf("after %v the trainer has changed", err)
			}
			return
		}
		again := state(t, fresh)
		if err := fresh.Restore(again); err != nil || !bytes.Equal(state(t, fresh), again) {
			t.Fatalf("a loaded state is not stored again: %v", err)
		}
	})
}

// Whatever their metadata, vectors are refused without a panic or compared.
func FuzzVectors(f *testing.F) {
	file, err := os.ReadFile("testdata/random-11.safetensors")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("", "", "", "", "", "", "")
	f.Add(`{"normal":{"blocks":[]}}`, "200", "16384", "1048576", "2048", "1e-5", "imagenet")
	f.Add("", "2", "4", "10", "32", "NaN", "cifar")
	f.Add("", "-1", "0", "x", "1e3", "Inf", "tower")
	f.Fuzz(func(t *testing.T, genotype, n, filters, classes, image, eps, stack string) {
		b := described(t, file, map[string]string{"genotype": genotype, "n": n, "filters": filters, "classes": classes,
			"image": image, "bn_eps": eps, "stack": stack})
		_, err := child.Check(bytes.NewReader(b))
		noPanic(t, err)
	})
}
