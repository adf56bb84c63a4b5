package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each picture and file that the README points to is there.
func TestTheReadmePointsToWhatIsThere(t *testing.T) {
	root := filepath.Join("..", "..")
	b, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	pictures := 0
	for _, m := range regexp.MustCompile(`(!?)\[[^\]]*\]\(([^)]+)\)`).FindAllStringSubmatch(string(b), -1) {
		if strings.Contains(m[2], "://") || strings.HasPrefix(m[2], "#") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m[2])))
		if err != nil {
			t.Error(err)
		}
		if m[1] == "!" {
			pictures++
			if !strings.HasPrefix(string(content), "<svg xmlns=") {
				t.Errorf("%s is no picture by itself: %.60q", m[2], content)
			}
		}
	}
	if pictures < 2 {
		t.Errorf("%d pictures; want a session and a cell", pictures)
	}
}
