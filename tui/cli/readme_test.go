package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every picture and file that the README links to exists.
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

// Each command and flag that the README names is there.
func TestTheReadmesCommandsAreThere(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if seen := checkCommands(t, "README.md", string(b)); seen < 20 {
		t.Errorf("only %d commands were found", seen)
	}
}

// checkCommands checks the commands of nasnet in a Markdown text, those at the start of a line or of a quotation, and
// their flags; it returns how many there are.
func checkCommands(t *testing.T, file, text string) (seen int) {
	t.Helper()
	for _, m := range regexp.MustCompile("(?m)(?:^|`)nasnet ([^\n`|#()]+)").FindAllStringSubmatch(text, -1) {
		text, _, _ := strings.Cut(m[1], "  ") // what it does comes after it
		words := strings.Fields(text)
		c, rest, err := (&app{}).root().Find(words)
		if err != nil {
			t.Errorf("%s: nasnet %s: %v", file, text, err)
			continue
		}
		if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") && c.HasSubCommands() && rest[0] != "…" {
			t.Errorf("%s: nasnet %s: there is no command %s", file, text, rest[0])
		}
		if c.Name() == "help" && len(rest) == 1 && rest[0] != "TOPIC" && !slices.Contains(topics, rest[0]) {
			t.Errorf("%s: nasnet %s: there is no such topic", file, text)
		}
		seen++
		for _, w := range rest {
			name, _, _ := strings.Cut(strings.TrimRight(w, ",.;:"), "=")
			if flag, ok := strings.CutPrefix(name, "--"); ok && flag != "help" && c.Flags().Lookup(flag) == nil &&
				c.InheritedFlags().Lookup(flag) == nil {
				t.Errorf("%s: nasnet %s: %s has no flag %s", file, text, c.CommandPath(), name)
			}
		}
	}
	return seen
}
