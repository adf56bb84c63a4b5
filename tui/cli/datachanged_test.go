package cli

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// grey writes a small picture of one colour.
func grey(t *testing.T, path string, v uint8) {
	t.Helper()
	if err := writeGrey(path, 8, v); err != nil {
		t.Fatal(err)
	}
}

// writeGrey writes a picture of one colour, except one corner.
func writeGrey(path string, side int, v uint8) error {
	m := image.NewGray(image.Rect(0, 0, side, side))
	for i := range m.Pix {
		m.Pix[i] = v
	}
	m.SetGray(0, 0, color.Gray{255 - v})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}

// A run refuses to train if its images have changed, because the rewards would not compare.
func TestARunRefusesChangedImages(t *testing.T) {
	root := t.TempDir()
	pics, store := filepath.Join(root, "pics"), filepath.Join(root, "store")
	for i := range 60 {
		grey(t, filepath.Join(pics, "ab"[i%2:i%2+1], fmt.Sprintf("%d.png", i)), uint8(4*i))
	}
	run := func(want int, args ...string) (stderr string) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := Main(t.Context(), append(args, "--store", store),
			Streams{In: strings.NewReader(""), Out: &out, Err: &errs}); code != want {
			t.Fatalf("%s: exit code %d\n%s%s", args, code, &out, &errs)
		}
		return errs.String()
	}
	run(0, "search", "--headless", "--data", pics, "--children", "1", "--shadow", "0", "--train-images", "24",
		"--val-images", "12", "--image", "8", "--filters", "4", "--epochs", "1", "--batch", "8",
		"--blocks", "1", "--name", "r")
	run(0, "resume", "r", "--headless")
	run(0, "verify", "r", "--retrain", "1")
	sound, err := os.ReadFile(filepath.Join(pics, "a", "0.png"))
	if err != nil {
		t.Fatal(err)
	}
	for what, do := range map[string]func(path string) error{
		"another image": func(path string) error { grey(t, path, 77); return nil },
		"a cut image":   func(path string) error { return os.WriteFile(path, sound[:len(sound)/2], 0o600) },
		"no image":      os.Remove,
	} {
		if err := do(filepath.Join(pics, "a", "0.png")); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"resume", "r", "--headless"}, {"verify", "r", "--retrain", "1"}} {
			if said := run(1, args...); !strings.Contains(said, "data set "+pics+
				" has changed since the run started") || !strings.Contains(said, ", want ") {
				t.Errorf("%s: %s said %q", what, args[0], said)
			}
		}
		if err := os.WriteFile(filepath.Join(pics, "a", "0.png"), sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(0, "verify", "r", "--retrain", "1")
}

// A run on a folder given by a relative path resumes from any working directory.
func TestARunOnARelativeFolderResumesAnywhere(t *testing.T) {
	root := t.TempDir()
	store := filepath.Join(root, "store")
	for i := range 60 {
		grey(t, filepath.Join(root, "pics", "ab"[i%2:i%2+1], fmt.Sprintf("%d.png", i)), uint8(4*i))
	}
	for _, args := range [][]string{
		{"search", "--headless", "--data", "pics", "--children", "1", "--shadow", "0", "--train-images", "24",
			"--val-images", "12", "--image", "8", "--filters", "4", "--epochs", "1", "--batch", "8",
			"--blocks", "1", "--name", "r"},
		{"resume", "r", "--headless"},
		{"ctl", "r", "retrain", "0", "--data", filepath.Join(root, "pics"), "--test", "--estimate"},
	} {
		if args[0] == "search" {
			t.Chdir(root)
		} else {
			t.Chdir(t.TempDir())
		}
		var out, errs bytes.Buffer
		if code := Main(t.Context(), append(args, "--store", store),
			Streams{In: strings.NewReader(""), Out: &out, Err: &errs}); code != 0 {
			t.Fatalf("%s: exit code %d\n%s%s", args, code, &out, &errs)
		}
	}
}
