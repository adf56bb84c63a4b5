package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nasnet/dataset"
	"nasnet/nas/child"
)

// For test images of Fashion-MNIST as PNG files, small and large, grey and in colour, predict agrees with the model on
// the same images in the data set.
func TestPredictOnFiles(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "m.safetensors")
	run := func(args ...string) (int, string, string) {
		var out, errs bytes.Buffer
		code := Main(t.Context(), append(args, "--store", dir),
			Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
		return code, out.String(), errs.String()
	}
	if code, _, errs := run("train", "--n", "1", "--filters", "4", "--image", "14", "--epochs", "1", "--train-images",
		"600", "--val-images", "100", "--out", model); code != exitDone {
		t.Fatal(errs)
	}
	m, err := child.Load(bytes.NewReader(must(t)(os.ReadFile(model))))
	if err != nil {
		t.Fatal(err)
	}
	full, err := dataset.Load(t.Context(), "fashion-mnist-10k", dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	small, err := dataset.Load(t.Context(), "fashion-mnist-10k", dataset.Options{Image: 14})
	if err != nil {
		t.Fatal(err)
	}
	const n = 70 // more than one batch
	want, err := m.Predict(small.Test.Pixels[:n*14*14])
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"predict", model, "--json", "--top", "3"}
	for i := range n {
		px := full.Test.Pixels[i*28*28 : (i+1)*28*28]
		grey, coloured := &image.Gray{Pix: px, Stride: 28, Rect: image.Rect(0, 0, 28, 28)},
			image.NewRGBA(image.Rect(0, 0, 56, 56))
		for y := range 56 {
			for x := range 56 {
				v := px[y/2*28+x/2]
				coloured.SetRGBA(x, y, color.RGBA{v, v, v, 255})
			}
		}
		var img image.Image = grey
		if i%2 == 1 { // twice the size, and in colour
			img = coloured
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, fmt.Sprintf("%02d.png", i))
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	code, out, errs := run(args...)
	if code != exitDone {
		t.Fatal(errs)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != n {
		t.Fatalf("%d lines of %d images", len(lines), n)
	}
	for i, l := range lines {
		var p predicted
		if err := json.Unmarshal([]byte(l), &p); err != nil {
			t.Fatal(err)
		}
		if p.Image != args[5+i] || len(p.Top) != 3 {
			t.Fatalf("line %d is %s", i, l)
		}
		for k, g := range p.Top {
			if w := float64(want[i*10+g.Label]); math.Abs(g.Probability-w) > 1e-6 ||
				g.Class != full.Info.Classes[g.Label] {
				t.Errorf("image %d: %+v; the model says %v", i, g, w)
			}
			if k > 0 && g.Probability > p.Top[k-1].Probability {
				t.Errorf("image %d: %+v is not in order", i, p.Top)
			}
		}
		for c, w := range want[i*10 : i*10+10] {
			if float64(w) > p.Top[0].Probability+1e-6 {
				t.Errorf("image %d: class %d has %v, the first named %v", i, c, w, p.Top[0].Probability)
			}
		}
	}

	broken, folder, device := filepath.Join(dir, "broken.png"), filepath.Join(dir, "folder.png"), "/dev/zero"
	if err := os.WriteFile(broken, []byte("no image"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	code, out, errs = run("predict", model, broken, folder, device, "nosuch.png", args[5], "--top", "99")
	if code != exitFailed || !strings.Contains(errs, "4 of 5 images could not be read") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	for _, w := range []string{"broken.png\n  unreadable: dataset: " + broken + ": image: unknown format",
		"folder.png: not a regular file", "/dev/zero: not a regular file", "nosuch.png: ", "Ankle boot", " %\n"} {
		if !strings.Contains(out, w) {
			t.Errorf("want %q in\n%s", w, out)
		}
	}
	if got := strings.Count(out, " %\n"); got != 10 {
		t.Errorf("%d classes of 10:\n%s", got, out)
	}
	if code, out, errs := run("eval", model); code != exitDone ||
		!strings.Contains(out, "on 2000 test images of fashion-mnist-10k") || errs != "" {
		t.Errorf("eval: exit code %d: %s%s", code, out, errs)
	}
	other := filepath.Join(dir, "other")
	for c := range 10 {
		for i := range 5 {
			path := filepath.Join(other, fmt.Sprint(c), fmt.Sprint(i)+".png")
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, must(t)(os.ReadFile(args[5])), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if code, out, errs := run("eval", model, "--data", other); code != exitDone ||
		!strings.Contains(errs, `the model's classes are ["T-shirt/top" "Trouser"`) ||
		!strings.Contains(out, "on 10 test images") {
		t.Errorf("eval on other classes: exit code %d: %s%s", code, out, errs)
	}
	for line, want := range map[string]string{
		"predict " + model:                "want a MODEL and one IMAGE or more",
		"predict /dev/zero x.png":         "/dev/zero: not a regular file",
		"predict " + broken + " x.png":    "is this a safetensors file?",
		"predict nosuch x.png":            "nosuch",
		"predict " + model + " --top 0 x": "got --top 0",
	} {
		if code, _, errs := run(strings.Fields(line)...); code == exitDone || !strings.Contains(errs, want) {
			t.Errorf("nasnet %s: exit code %d, %s; want %q", line, code, errs, want)
		}
	}
}

func must(t *testing.T) func([]byte, error) []byte {
	return func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}
