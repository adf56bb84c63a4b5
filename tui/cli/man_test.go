package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// runCommand runs a command line and returns the exit code and what it printed.
func runCommand(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

// Every command has a page, which names each of its flags and depends on neither the clock nor the home folder.
func TestEveryCommandHasAManualPage(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	t.Setenv("XDG_DATA_HOME", "/nowhere/in/particular")
	dir := filepath.Join(t.TempDir(), "new", "man1")
	if code, _, errs := runCommand(t, "man", dir); code != exitDone {
		t.Fatal(errs)
	}
	pages := 0
	var look func(c *cobra.Command)
	look = func(c *cobra.Command) {
		pages++
		name := strings.ReplaceAll(c.CommandPath(), " ", "-")
		b, err := os.ReadFile(filepath.Join(dir, name+".1"))
		if err != nil {
			t.Fatal(err)
		}
		page := string(b)
		if !strings.Contains(page, `"1" "2026-09-21" "nasnet `+version) {
			t.Errorf("%s is not dated: %.100q", name, page)
		}
		if strings.Contains(page, "/nowhere") {
			t.Errorf("%s depends on the environment", name)
		}
		if strings.Contains(page, `\\`) {
			t.Errorf("%s shows a backslash of Markdown", name)
		}
		for _, f := range regexp.MustCompile(`(?m)^  (?:    |-., )(--[a-z0-9-]+)`).FindAllStringSubmatch(
			c.LocalFlags().FlagUsages(), -1) {
			if !regexp.MustCompile(`(?m)^\\fB.*` + f[1] + `\\fP`).MatchString(page) {
				t.Errorf("%s has no %s", name, f[1])
			}
		}
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				look(sub)
			}
		}
	}
	root := (&app{}).root()
	root.InitDefaultCompletionCmd()
	look(root)
	if files, err := os.ReadDir(dir); err != nil || len(files) != pages {
		t.Errorf("%d files, %v; want %d", len(files), err, pages)
	}
}

func TestManualPagesReplaceOnlyWhatHasTheirNames(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"nasnet.1": "old", "other.1": "mine"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	content := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if code, _, errs := runCommand(t, "man", filepath.Join(dir, "other.1")); code != exitFailed ||
		!strings.Contains(errs, "not a directory") {
		t.Errorf("a file in place of the folder: exit code %d, %s", code, errs)
	}
	taken := filepath.Join(dir, "nasnet-version.1")
	if err := os.Mkdir(taken, 0o777); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := runCommand(t, "man", dir); code != exitFailed ||
		!strings.Contains(errs, "nothing was written") {
		t.Errorf("a folder in place of a page: exit code %d, %s", code, errs)
	}
	if content("nasnet.1") != "old" {
		t.Error("a page was replaced although another could not be written")
	}
	if err := os.Remove(taken); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := runCommand(t, "man", dir); code != exitDone {
		t.Fatal(errs)
	}
	if content("other.1") != "mine" || content("nasnet.1") == "old" {
		t.Error("want nasnet.1 replaced and other.1 left alone")
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if code, _, errs := runCommand(t, "man", dir); code != exitUsage || !strings.Contains(errs, "seconds since 1970") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

// The formatters that are installed render every page without a warning.
func TestManualPagesRenderWithoutWarnings(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000")
	dir := t.TempDir()
	if code, _, errs := runCommand(t, "man", dir); code != exitDone {
		t.Fatal(errs)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	tried := false
	for _, command := range [][]string{{"groff", "-man", "-ww", "-z", "-Tutf8"},
		{"mandoc", "-T", "lint", "-W", "warning"}} {
		if _, err := exec.LookPath(command[0]); err != nil {
			continue
		}
		tried = true
		out, err := exec.Command(command[0], append(command[1:], pages...)...).CombinedOutput()
		if len(out) > 0 || err != nil {
			t.Errorf("%s: %v\n%.2000s", command[0], err, out)
		}
	}
	if !tried {
		t.Skip("neither groff nor mandoc is installed")
	}
}
