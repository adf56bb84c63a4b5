package search

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/fake"
	"nasnet/nas/space"
)

// A run is stored with the list of its ops and shown with the name of the set. Its space stays the same when the name
// gets another meaning.
func TestARunKeepsTheOpsItStartedWith(t *testing.T) {
	was := space.OpSets
	t.Cleanup(func() { space.OpSets = was })
	c := testConfig()
	c.Ops = "light"
	whole := filepath.Join(t.TempDir(), "whole")
	want := finish(t, create(t, whole, c, Options{Workers: 1}))
	for ops, allowed := range map[string]bool{"light": true, " identity, avg3x3,max3x3,sep3x3,sep5x5": true,
		"avg3x3,identity,max3x3,sep3x3,sep5x5": false, "paper-13": false} {
		_, err := ForkRun(whole, 1, "", func(c *nas.Config, _ *string) error { c.Ops = ops; return nil }, nil)
		if (err == nil) != allowed {
			t.Errorf("a fork at version 1 with the ops %q: %v", ops, err)
		}
	}

	dir := filepath.Join(t.TempDir(), "run")
	s := create(t, dir, c, Options{Workers: 1})
	if got := s.Snapshot().Config.Ops; got != "light" {
		t.Errorf("a search of light is shown as one of %q", got)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := string(storedConfig(t, dir)); !strings.Contains(got, `"ops":"identity,avg3x3,max3x3,sep3x3,sep5x5"`) {
		t.Errorf("it is stored as %s", got)
	}

	space.OpSets = slices.Clone(was)
	space.OpSets[2].Ops = []string{"sep7x7", "identity"} // light
	s, err := Open(dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Snapshot().Config.Ops; got != "identity,avg3x3,max3x3,sep3x3,sep5x5" {
		t.Errorf("a search of what light was is shown as one of %q", got)
	}
	if got := finish(t, s); got != want {
		t.Errorf("it ends with the state %.12s, want %.12s", got, want)
	}
	if r, err := audit.Verify(t.Context(), dir); err != nil || !r.OK {
		t.Errorf("%v, problems %q", err, r.Problems)
	}
}

// Older builds stored only the name.
func TestAConfigWithTheNameOfASetEqualsOneWithItsList(t *testing.T) {
	list := storedConfig(t, func() string {
		dir := filepath.Join(t.TempDir(), "run")
		c := testConfig()
		c.Ops = "paper-13"
		if err := create(t, dir, c, Options{}).Close(); err != nil {
			t.Fatal(err)
		}
		return dir
	}())
	ops, err := space.OpSet("paper-13")
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Replace(string(list), strings.Join(ops, ","), "paper-13", 1)
	a, err := nas.ParseConfig(list)
	if err != nil {
		t.Fatal(err)
	}
	b, err := nas.ParseConfig([]byte(name))
	if err != nil || a.Ops != "paper-13" || b.Ops != "paper-13" || !a.SameSpace(b) || name == string(list) {
		t.Errorf("%s has the ops %s; %s has %s, %v", list, a.Ops, name, b.Ops, err)
	}
}

func storedConfig(t *testing.T, dir string) []byte {
	t.Helper()
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	r, err := st.Run()
	if err != nil {
		t.Fatal(err)
	}
	return r.Config
}
