package cli

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/tui/term"
)

// evil would set the clipboard, clear the screen, reverse the text and fake a run, if a terminal obeyed it.
const evil = "x\x1b]52;c;eA==\a\x1b[2J\u009b2J\u202e\rgood\u2028run\x7f\n"

// hostileRun creates a run with hostile texts.
func hostileRun(t *testing.T, dir string) {
	t.Helper()
	cfg, err := nas.PresetNamed("quick")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Name, cfg.Data, cfg.DataDir = evil, evil, evil
	config, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	st, err := checkpoints.Create(dir, checkpoints.Run{Name: evil, UUID: "u" + evil, ParentUUID: evil, ForkedAt: 1,
		State: "stopped", Config: config, Build: []byte(`{}`), Target: 5})
	if err != nil {
		t.Fatal(err)
	}
	g := `{"name":"a\u001b[2J","normal":{"blocks":[{"in1":0,"op1":"sep5x5","in2":1,"op2":"sep3x3","combine":"add"}]},` +
		`"reduction":{"blocks":[]}}`
	err = st.AddTrials([]checkpoints.Trial{{PolicyVersion: -1, Kind: "sample", Genotype: []byte(g), CellHash: evil,
		State: "proposed", Note: evil, Parent: -1}})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

// notedRun creates a run of two cells, one with a hostile note.
func notedRun(t *testing.T, store string) {
	t.Helper()
	var out bytes.Buffer
	if code := Main(t.Context(), []string{"search", "--fake", "--headless", "--children", "2", "--update-every", "2",
		"--epochs", "1", "--name", "noted", "--store", store},
		Streams{In: strings.NewReader(""), Out: &out, Err: &out}); code != exitDone {
		t.Fatalf("exit code %d: %s", code, out.String())
	}
	st, err := checkpoints.Open(filepath.Join(store, "noted"))
	if err != nil {
		t.Fatal(err)
	}
	if err := st.SetNote(1, evil); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestTextsFromOutsideReachNoTerminal(t *testing.T) {
	store := t.TempDir()
	hostileRun(t, filepath.Join(store, "evil"))
	notedRun(t, store)
	broken := filepath.Join(store, "b\x1b[2J\nfake  done")
	photos := filepath.Join(t.TempDir(), "p\x1b[2J")
	var one bytes.Buffer
	if err := png.Encode(&one, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{
		filepath.Join(broken, "run.db"):               []byte("no database"),
		filepath.Join(photos, "a\x1b[2Jb", "1.png"):   one.Bytes(),
		filepath.Join(photos, "c\u202e", "1.png"):     one.Bytes(),
		filepath.Join(photos, "c\u202e", "\x9b2.png"): []byte("broken"),
		filepath.Join(photos, "model"):                []byte("no model"),
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args []string
		want string // somewhere in what it prints
	}{
		{[]string{"runs"}, `x\x1b]52;c;eA==\a\x1b[2J\u009b2J\u202e\rgood\u2028run\x7f\n`},
		{[]string{"runs"}, `b\x1b[2J\nfake  done `},
		{[]string{"runs"}, `unreadable: checkpoints: `},
		{[]string{"runs", "--json"}, `\u009b2J\u202e\rgood\u2028run\u007f`},
		{[]string{"status", "evil"}, `run       x\x1b]52`},
		{[]string{"status", "evil", "--json"}, `\u009b2J\u202e`},
		{[]string{"status", "evil", "--line"}, `x\x1b]52`},
		{[]string{"status", filepath.Join(photos, "a\x1b[2Jb")}, `a\x1b[2Jb`},
		{[]string{"top", "evil"}, `name "a\x1b[2J"`},
		{[]string{"top", "noted"}, ` x\x1b]52;c;eA==\a\x1b[2J`},
		{[]string{"top", "noted", "--csv"}, `x\x1b]52;c;eA==\a\x1b[2J`},
		{[]string{"top", "noted", "--json"}, `\u009b2J\u202e`},
		{[]string{"top", "noted", "--filter", "no" + evil},
			`none of 2 cells of run noted passes the filter nox\x1b]52`},
		{[]string{"verify", "evil"}, `evil`},
		{[]string{"resume", "evil", "--headless"}, `\u202e`},
		{[]string{"cell", "show", "evil/0"}, `name "a\x1b[2J"`},
		{[]string{"cell", "show", "e\x1bM\u202e"}, `"e\x1bM\u202e"`},
		{[]string{"data", "info", photos}, `c\u202e`},
		{[]string{"data", "info", photos, "--json"}, `c\u202e`},
		{[]string{"eval", filepath.Join(photos, "model")}, `p\x1b[2J/model`},
		{[]string{"check", filepath.Join(photos, "model")}, `p\x1b[2J/model`},
		{[]string{"no\x1b[2J"}, `no\x1b[2J`},
	} {
		var out bytes.Buffer
		Main(t.Context(), append(c.args, "--store", store), Streams{In: strings.NewReader(""), Out: &out, Err: &out})
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("nasnet %q prints %q; want %q in it", c.args, out.String(), c.want)
		}
		for _, line := range strings.Split(out.String(), "\n") {
			if strings.ContainsFunc(line, func(r rune) bool { return r != '\t' && term.Obeyed(r) }) {
				t.Errorf("nasnet %q prints %q", c.args, line)
			}
			if strings.HasPrefix(line, "fake") || strings.HasPrefix(line, "good") {
				t.Errorf("nasnet %q prints a faked line: %q", c.args, line)
			}
		}
	}
}

// Any text is either not a trial, or a trial whose label leads back to it.
func FuzzCutTrial(f *testing.F) {
	for _, s := range []string{"a/7", "a/h1", "a/h0", "a/b/007", "/7", "a/-1", "a/+7", "a/h9223372036854775807",
		"a/99999999999999999999", "a/", "h1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		run, trial, ok := cutTrial(s)
		if !ok {
			return
		}
		if hand := s[strings.LastIndexByte(s, '/')+1] == 'h'; hand && trial < nas.FirstManual {
			t.Fatalf("%q is trial %d", s, trial)
		}
		if again, same, ok := cutTrial(run + "/" + nas.TrialLabel(trial)); trial < 0 || run == "" || !ok ||
			again != run || same != trial {
			t.Fatalf("%q is trial %d of %q, which reads back as %d of %q", s, trial, run, same, again)
		}
	})
}
