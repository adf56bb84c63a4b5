package cli

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport lists the packages of the program with those that each may import.
var mayImport = map[string]string{
	"nasnet": "tui/cli",
	"nasnet/tui/cli": "nas/setting tui tui/term tui/celldraw tui/chart nas nas/search nas/local nas/audit " +
		"nas/record nas/fake nas/remote nas/space nas/child nas/controller nas/onnx nas/experiment nas/rng " +
		"nas/kernel dataset checkpoints",
	"nasnet/tui": "nas/setting tui/term tui/chart tui/celldraw nas nas/experiment nas/space nas/child " +
		"nas/controller",
	"nasnet/tui/term":         "tui/term/quiet",
	"nasnet/tui/term/quiet":   "",
	"nasnet/tui/term/ptytest": "",
	"nasnet/tui/chart":        "tui/term",
	"nasnet/tui/celldraw":     "tui/term nas/space",
	"nasnet/nas/search":       "nas nas/record nas/space nas/child nas/controller nas/rng dataset checkpoints",
	"nasnet/nas/audit":        "nas nas/record nas/space nas/child nas/controller nas/rng checkpoints",
	"nasnet/nas/record":       "nas nas/space nas/child nas/controller nas/rng checkpoints",
	"nasnet/nas/local":        "nas nas/space nas/child nas/rng dataset",
	"nasnet/nas/fake":         "nas nas/space nas/child nas/rng",
	"nasnet/nas":              "nas/setting nas/space nas/child nas/controller nas/strictjson dataset",
	"nasnet/nas/onnx":         "nas/child nas/nn",
	"nasnet/nas/experiment":   "nas/setting nas nas/child nas/space nas/rng",
	"nasnet/nas/remote":       "nas nas/strictjson",
	"nasnet/nas/child":        "nas/setting nas/space nas/nn nas/rng nas/kernel nas/strictjson dataset",
	"nasnet/nas/controller":   "nas/setting nas/nn nas/rng nas/strictjson",
	"nasnet/nas/nn":           "nas/kernel",
	"nasnet/nas/kernel":       "",
	"nasnet/nas/space":        "nas/strictjson",
	"nasnet/nas/strictjson":   "",
	"nasnet/nas/setting":      "",
	"nasnet/nas/rng":          "",
	"nasnet/dataset":          "",
	"nasnet/checkpoints":      "",
}

// onlyIn lists families of modules with the only packages that may import them.
var onlyIn = map[string]string{
	"gorgonia.org/":            "nas/nn nas/child nas/controller",
	"github.com/charmbracelet": "tui tui/term tui/term/quiet tui/term/ptytest tui/cli",
	"github.com/guptarohit":    "tui tui/chart",
	"modernc.org/":             "checkpoints",
	"github.com/spf13/":        "tui/cli",
}

func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "nasnet/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	seen := 0
	for d := json.NewDecoder(strings.NewReader(string(out))); ; seen++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		allowed, known := mayImport[p.ImportPath]
		if !known {
			t.Errorf("package %s is not in the list", p.ImportPath)
		}
		for _, i := range p.Imports {
			if own, ok := strings.CutPrefix(i, "nasnet/"); ok && !contains(allowed, own) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
			for family, users := range onlyIn {
				if strings.HasPrefix(i, family) && !contains(users, strings.TrimPrefix(p.ImportPath, "nasnet/")) {
					t.Errorf("%s imports %s", p.ImportPath, i)
				}
			}
		}
	}
	if seen != len(mayImport) {
		t.Errorf("%d packages found, %d in the list", seen, len(mayImport))
	}
}

// contains reports whether a word is in a list of words.
func contains(list, word string) bool { return slices.Contains(strings.Fields(list), word) }
