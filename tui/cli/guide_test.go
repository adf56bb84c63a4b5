package cli

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"

	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/controller"
	"nasnet/nas/setting"
	"nasnet/nas/space"
	"nasnet/tui"
)

var update = flag.Bool("update", false, "rewrite the tables of the guide; read the diff")

// Every topic is in the table and has a file, a title for the list and commands before prose.
func TestEveryTopicBeginsWithItsCommands(t *testing.T) {
	files, err := fs.Glob(guideFiles, "guide/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".md"))
	}
	if want := slices.Sorted(slices.Values(topics)); !slices.Equal(names, want) {
		t.Errorf("the guide has the files %q; the table has %q", names, want)
	}
	for _, name := range topics {
		text := topicText(name)
		if title := topicTitle(name); !strings.HasPrefix(text, "# ") || len(title) > 60 {
			t.Errorf("%s begins with %.70q; want \"# \" and a title of at most 60 characters", name, title)
		}
		rest := strings.TrimSpace(strings.TrimPrefix(text, "# "+topicTitle(name)))
		if !strings.HasPrefix(rest, "```sh") {
			t.Errorf("%s: after the title comes %.40q; want a block of commands", name, rest)
		}
		if n := strings.Count(text, "\n```"); n%2 != 0 {
			t.Errorf("%s: %d fences; want pairs", name, n)
		}
		for _, m := range guideTopic.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(topics, m[1]) {
				t.Errorf("%s links to %s.md, which is no topic", name, m[1])
			}
		}
	}
}

// A topic fits 80 columns as it is written and as it is shown.
func TestTheGuideFits80Columns(t *testing.T) {
	none := lipgloss.NewStyle()
	for _, name := range topics {
		for what, text := range map[string]string{"source": topicText(name),
			"shown": renderTopic(topicText(name), none, none)} {
			for i, l := range strings.Split(text, "\n") {
				if w := ansi.StringWidth(l); w > 80 {
					t.Errorf("%s, %s, line %d has %d columns: %s", name, what, i+1, w, l)
				}
			}
		}
	}
	for i, l := range strings.Split(renderTopic(overview((&app{}).root()), none, none), "\n") {
		if w := ansi.StringWidth(l); w > 80 {
			t.Errorf("nasnet help, line %d has %d columns: %s", i+1, w, l)
		}
	}
}

// The guide names only commands and flags that exist, and files that the program or the project knows.
func TestTheGuideNamesWhatIsThere(t *testing.T) {
	root := (&app{}).root()
	flags := allFlags(root)
	sources := programText(t)
	for _, name := range topics {
		text := topicText(name)
		if n := checkCommands(t, name, text); n == 0 {
			t.Errorf("%s: no command of nasnet was found", name)
		}
		prose, code := cutCode(text)
		for _, q := range guideQuoted.FindAllStringSubmatch(prose, -1) {
			words := strings.Fields(q[1])
			if words[0] != "nasnet" && !strings.HasPrefix(words[0], "--") {
				words = nil // another program's
			}
			for _, w := range words {
				if f, ok := strings.CutPrefix(w, "--"); ok {
					f, _, _ = strings.Cut(strings.TrimRight(f, ",.;:"), "=")
					if !flags[f] {
						t.Errorf("%s: `%s`: no command has the flag --%s", name, q[1], f)
					}
				}
			}
			if !fileName.MatchString(q[1]) || strings.Contains(code, q[1]) {
				continue
			}
			if _, err := os.Stat(filepath.Join("..", "..", q[1])); err != nil && !strings.Contains(sources, q[1]) {
				t.Errorf("%s: `%s` is no file of the project, nor does the program name it", name, q[1])
			}
		}
	}
}

// fileName matches words that look like a file: those with an ending that the program reads or writes.
var fileName = regexp.MustCompile(
	`^[\w./-]+\.(go|md|db|db-wal|jsonl|json|lock|sock|toml|safetensors|onnx|csv|svg|dot|s)$`)

// cutCode separates a topic's prose from its blocks of code.
func cutCode(markdown string) (prose, code string) {
	for i, part := range strings.Split("\n"+markdown, "\n```") {
		if i%2 == 0 {
			prose += part + "\n"
		} else {
			code += part + "\n"
		}
	}
	return prose, code
}

// allFlags are the flags of all commands.
func allFlags(c *cobra.Command) map[string]bool {
	names := map[string]bool{"help": true}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for name := range strings.FieldsSeq(c.LocalFlags().FlagUsages()) {
			if f, ok := strings.CutPrefix(name, "--"); ok {
				names[f] = true
			}
		}
		for _, s := range c.Commands() {
			walk(s)
		}
	}
	walk(c)
	return names
}

// programText is all Go code of the program, without tests.
func programText(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		c, err := os.ReadFile(path)
		b.Write(c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The blocks marked "sh run" are run, each topic's in a folder of its own with an empty store.
func TestTheCommandsOfTheGuideRun(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```sh run\n(.*?)^```$")
	ran := 0
	for _, name := range topics {
		var script strings.Builder
		for _, m := range blocks.FindAllStringSubmatch(topicText(name), -1) {
			script.WriteString(m[1])
		}
		if script.Len() == 0 {
			continue
		}
		ran++
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			home := homeStore(t)
			bin, dir := filepath.Join(home, "bin"), filepath.Join(home, "here")
			for _, d := range []string{bin, dir} {
				if err := os.Mkdir(d, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(self, filepath.Join(bin, "nasnet")); err != nil {
				t.Fatal(err)
			}
			c := exec.Command("sh", "-euxc", script.String())
			c.Dir = dir
			c.Env = append(environment(home), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, tail(out, 3000))
			}
		})
	}
	if ran < 10 {
		t.Errorf("%d topics have commands that are run; want most of %d", ran, len(topics))
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// The tables of the guide are those of the program.
func TestTheTablesOfTheGuide(t *testing.T) {
	marked := regexp.MustCompile(`(?ms)^<!-- table: ([\w-]+) -->\n(.*?)^<!-- end -->$`)
	used := map[string]bool{}
	for _, name := range topics {
		text := topicText(name)
		want := marked.ReplaceAllStringFunc(text, func(block string) string {
			m := marked.FindStringSubmatch(block)
			table, ok := guideTables[m[1]]
			if !ok {
				t.Errorf("%s: there is no table %q", name, m[1])
				return block
			}
			used[m[1]] = true
			return "<!-- table: " + m[1] + " -->\n```text\n" + table() + "```\n<!-- end -->"
		})
		if want == text {
			continue
		}
		if !*update {
			t.Errorf("%s: a table is not the program's; run go test ./tui/cli -run Guide -update and read the diff",
				name)
		} else if err := os.WriteFile(filepath.Join("guide", name+".md"), []byte(want), 0o644); err != nil {
			t.Error(err)
		}
	}
	for name := range guideTables {
		if !used[name] {
			t.Errorf("no topic shows the table %q", name)
		}
	}
}

// guideTables makes the tables that topics show, in at most 76 columns.
var guideTables = map[string]func() string{
	"keys": func() string {
		var b bytes.Buffer
		group := ""
		for _, r := range (tui.Keys{}).Rows() {
			if r.Group != group {
				group = r.Group
				fmt.Fprintf(&b, "%s%s\n", map[bool]string{true: "\n"}[b.Len() > 0], group)
			}
			row(&b, "  ", strings.Join(r.Keys, " "), 14, r.Does)
		}
		return b.String()
	},
	"ops": func() string {
		var b bytes.Buffer
		for _, o := range space.Ops {
			row(&b, "", fmt.Sprintf("%-4s %-13s %s", o.Short, o.Name, o.Family), 40, "")
		}
		return b.String()
	},
	"op-sets": func() string {
		var b bytes.Buffer
		for _, s := range space.OpSets {
			row(&b, "", s.Name, 10, strings.Join(s.Ops, " "))
		}
		return b.String()
	},
	"settings": func() string {
		var b bytes.Buffer
		for _, r := range nas.Settings() {
			row(&b, "", "--"+r.Name, 20, r.Help+rangeOf(r.Range))
		}
		return b.String()
	},
	"training": func() string {
		var b bytes.Buffer
		for _, r := range child.Settings.For(setting.Train | setting.Network | setting.Images) {
			row(&b, "", "--"+r.Name, 20, r.Help+rangeOf(r.Range))
		}
		return b.String()
	},
	"presets": func() string {
		var b bytes.Buffer
		for _, p := range nas.Presets {
			row(&b, "", p.Name, 10, p.Title)
		}
		return b.String()
	},
	"train-presets": func() string {
		var b bytes.Buffer
		for _, p := range child.Presets {
			row(&b, "", p.Name, 12, p.Title)
		}
		return b.String()
	},
	"data": func() string {
		var b bytes.Buffer
		for _, s := range dataset.Sources {
			row(&b, "", s.Info.Name, 19, s.Info.Title)
		}
		return b.String()
	},
	"formats": func() string {
		var b bytes.Buffer
		for _, f := range forms {
			of := "a trained network"
			if f.text != nil {
				of = "a cell"
			}
			row(&b, "", f.name, 8, of)
		}
		return b.String()
	},
	"strategies": func() string { return strings.Join(controller.Names(), "\n") + "\n" },
	"exit-codes": exitCodeText,
	"events": func() string {
		var b bytes.Buffer
		for _, e := range nas.EventKinds {
			row(&b, "", string(e.Kind), 19, e.Fields)
		}
		return b.String()
	},
	"event-fields": func() string {
		var b bytes.Buffer
		for _, f := range nas.EventFields {
			row(&b, "", f.Name, 15, f.Help)
		}
		return b.String()
	},
}

func rangeOf(r setting.Range) string {
	if r == (setting.Range{}) || r.High >= 1e5 { // as good as none
		return ""
	}
	return "; " + r.String()
}

// row writes a name and a text beside it, wrapped to 76 columns.
func row(b *bytes.Buffer, indent, name string, width int, text string) {
	left := indent + fmt.Sprintf("%-*s ", width, name)
	for i, l := range strings.Split(ansi.Wordwrap(text, 76-ansi.StringWidth(indent)-width-1, ""), "\n") {
		if i > 0 || ansi.StringWidth(left) > len(indent)+width+1 {
			if i == 0 {
				b.WriteString(strings.TrimRight(left, " ") + "\n")
			}
			left = strings.Repeat(" ", len(indent)+width+1)
		}
		b.WriteString(strings.TrimRight(left+l, " ") + "\n")
	}
}

func TestHelpShowsTopicsAndCommands(t *testing.T) {
	for _, r := range []struct {
		name, args string
		want       []string
		not        string
		code       int
	}{
		{"a topic, plain where there is no terminal", "help runs",
			[]string{topicTitle("runs"), "nasnet resume"}, "\x1b", 0},
		{"no marks of Markdown are left", "help scripts", []string{"trial_finished"}, "<!--", 0},
		{"the list of topics and commands", "help", []string{"The guide", topicTitle("runs"), "attach", "Exit codes"},
			"--aux", 0},
		{"the program's help is that list", "--help", []string{"The guide"}, "--aux", 0},
		{"a command's flags", "help fork", []string{"nasnet fork RUN", "--at"}, "The guide", 0},
		{"neither", "help runz", []string{`no topic or command "runz"`, "hint:"}, "The guide", exitUsage},
	} {
		t.Run(r.name, func(t *testing.T) {
			var out bytes.Buffer
			code := Main(t.Context(), strings.Fields(r.args), Streams{In: strings.NewReader(""), Out: &out, Err: &out})
			if code != r.code {
				t.Errorf("exit code %d, want %d", code, r.code)
			}
			for _, w := range r.want {
				if !strings.Contains(out.String(), w) {
					t.Errorf("%q is not in\n%s", w, out.String())
				}
			}
			if strings.Contains(out.String(), r.not) {
				t.Errorf("%q is in\n%s", r.not, out.String())
			}
		})
	}
}
