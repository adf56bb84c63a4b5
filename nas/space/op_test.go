package space_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nasnet/nas/space"
)

func TestOpsHaveUniqueNamesAndAFamily(t *testing.T) {
	used := map[string]string{}
	for _, o := range space.Ops {
		for _, s := range []string{o.Name, o.Short, o.Label, o.Drawn} {
			if by, ok := used[s]; s != "" && ok && by != o.Name {
				t.Errorf("%q stands for %s and for %s", s, by, o.Name)
			}
			used[s] = o.Name
		}
		if _, ok := o.Family.Row(); !ok || o.Kernel < 1 || o.Kernel%2 == 0 {
			t.Errorf("%+v has no family of the table or no odd kernel", o)
		}
		if got, ok := space.OpByName(o.Name); !ok || got != o {
			t.Errorf("OpByName(%s) = %+v, %v", o.Name, got, ok)
		}
	}
	if _, ok := space.OpByName("s5"); ok {
		t.Error("OpByName finds short names; only names are stable")
	}
}

func TestFamiliesHaveColoursOfTheirOwn(t *testing.T) {
	colour := regexp.MustCompile("^#[0-9a-f]{6}$")
	used := map[string]space.Family{}
	for _, r := range space.Families {
		for _, c := range []string{r.Fill, r.Edge} {
			if !colour.MatchString(c) || used[c] != "" {
				t.Errorf("family %s has the picture colour %q, want one as #rrggbb that is not also of the family %q",
					r.Name, c, used[c])
			}
			used[c] = r.Name
		}
		if !slices.ContainsFunc(space.Ops, func(o space.Op) bool { return o.Family == r.Name }) {
			t.Errorf("no op is of the family %s", r.Name)
		}
	}
	if _, ok := space.Family("").Row(); ok {
		t.Error("the family without a name has a row")
	}
}

// Stored runs depend on what storedFacts checks. If the test fails, do not change its lists: fix the table.
func TestWhatHasBeenStoredNeverChanges(t *testing.T) {
	t.Run("as the table is", storedFacts)
	t.Run("with another op", func(t *testing.T) {
		was := space.Ops
		t.Cleanup(func() { space.Ops = was })
		space.Ops = append(slices.Clone(was), space.Op{Name: "sep9x9", Short: "s9", Label: "sep 9x9",
			Family: space.Separable, Kernel: 9})
		if sp, err := space.New("sep9x9,identity", 5); err != nil || len(sp.Ops) != 2 {
			t.Errorf("a space of the new op: %v, %v", sp, err)
		}
		storedFacts(t)
	})
}

func storedFacts(t *testing.T) {
	const (
		names = "identity conv1x3_3x1 conv1x7_7x1 dil3x3 avg3x3 avg5x5 max3x3 max5x5 max7x7 conv1x1 conv3x3 sep3x3 " +
			"sep5x5 sep7x7"
		shorts = "i f3 f7 d3 a3 a5 m3 m5 m7 c1 c3 s3 s5 s7"
	)
	for i, name := range strings.Fields(names) { // the order in which a cell's operands are sorted before it is hashed
		if o := space.Ops[i]; o.Name != name || o.Short != strings.Fields(shorts)[i] {
			t.Errorf("row %d of the ops is %s, in short %s; want %s, %s: new ops come after the old ones", i, o.Name,
				o.Short, name, strings.Fields(shorts)[i])
		}
	}
	for name, ops := range map[string]string{
		"seed-14": names,
		"paper-13": "identity conv1x3_3x1 conv1x7_7x1 dil3x3 avg3x3 max3x3 max5x5 max7x7 conv1x1 conv3x3 sep3x3 " +
			"sep5x5 sep7x7",
		"light": "identity avg3x3 max3x3 sep3x3 sep5x5",
	} {
		if got, err := space.OpSet(name); err != nil || strings.Join(got, " ") != ops {
			t.Errorf("%s is %v, %v; want %s", name, got, err, ops)
		}
		if got := space.OpSetName(strings.Fields(ops)); got != name {
			t.Errorf("the ops of %s are called %s", name, got)
		}
	}
	for blocks, want := range map[int]string{
		2: "9a94cba638d60cbdec8b2af8599cce1546f4d7393176f7887182dcb937582915",
		5: "aff5b7cb521aedf6b30befe46a42775278619b6f94201279a8db3f87f8601661",
	} {
		sp, err := space.New("seed-14", blocks)
		if err != nil {
			t.Fatal(err)
		}
		for i, d := range sp.Decisions() {
			if wanted := []int{2 + i/5%blocks, 2 + i/5%blocks, 14, 14, 2}[i%5]; d.Arity != wanted {
				t.Errorf("%s has %d choices, want %d", d.Name, d.Arity, wanted)
			}
		}
		h, r := sha256.New(), rand.New(rand.NewPCG(14, uint64(blocks)))
		for range 100 {
			g, err := sp.Decode(sp.Random(r))
			if err != nil {
				t.Fatal(err)
			}
			h.Write([]byte(g.Hash()))
		}
		if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
			t.Errorf("the hashes of 100 cells of %d blocks hash to %s, want %s", blocks, got, want)
		}
	}
}

func TestOpSet(t *testing.T) {
	for _, c := range []struct {
		name, spec string
		n          int
		has, lacks string
		err        string
	}{
		{name: "the default has all", spec: "seed-14", n: 14, has: "avg5x5"},
		{name: "the paper has no 5x5 average pool", spec: "paper-13", n: 13, has: "avg3x3", lacks: "avg5x5"},
		{name: "light has cheap ops", spec: "light", n: 5, has: "sep3x3", lacks: "sep7x7"},
		{name: "a list keeps its order", spec: "sep3x3, identity", n: 2, has: "identity"},
		{name: "an unknown name is named", spec: "sep3x3,sep9x9",
			err: `"sep9x9" is neither a set (seed-14, paper-13, light) nor an op`},
		{name: "an op listed twice is an error", spec: "sep3x3,identity,sep3x3", err: "sep3x3 is listed twice"},
		{name: "nothing is an error", spec: "", err: `"" is neither`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := space.OpSet(c.spec)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want one with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			all := " " + strings.Join(got, " ") + " "
			if len(got) != c.n || !strings.Contains(all, " "+c.has+" ") ||
				c.lacks != "" && strings.Contains(all, " "+c.lacks+" ") {
				t.Errorf("got %v", got)
			}
		})
	}
	got, _ := space.OpSet("sep3x3, identity")
	if !reflect.DeepEqual(got, []string{"sep3x3", "identity"}) {
		t.Errorf("the list came back as %v", got)
	}
	got[0] = "x"
	if again, _ := space.OpSet("seed-14"); again[0] != "identity" {
		t.Error("an op set shares memory with what was returned")
	}
}
