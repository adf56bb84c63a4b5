package space_test

import (
	"reflect"
	"strings"
	"testing"

	"nasnet/nas/space"
)

func TestOpsAreTheFourteenInOrder(t *testing.T) {
	const want = "identity conv1x3_3x1 conv1x7_7x1 dil3x3 avg3x3 avg5x5 max3x3 max5x5 max7x7 conv1x1 conv3x3 sep3x3 sep5x5 sep7x7"
	var names []string
	used := map[string]string{}
	for _, o := range space.Ops {
		names = append(names, o.Name)
		for _, s := range []string{o.Name, o.Short, o.Label} {
			if by, ok := used[s]; ok && by != o.Name {
				t.Errorf("%q stands for %s and for %s", s, by, o.Name)
			}
			used[s] = o.Name
		}
		if o.Family == "" || o.Kernel < 1 || o.Kernel%2 == 0 {
			t.Errorf("%+v lacks a family or has no odd kernel", o)
		}
		if got, ok := space.OpByName(o.Name); !ok || got != o {
			t.Errorf("OpByName(%s) = %+v, %v", o.Name, got, ok)
		}
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("ops are\n%s, want\n%s", got, want)
	}
	if _, ok := space.OpByName("s5"); ok {
		t.Error("OpByName finds short names; only names are stable")
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
		{name: "an unknown name is named", spec: "sep3x3,sep9x9", err: `"sep9x9" is neither a set (seed-14, paper-13, light) nor an op`},
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
			if len(got) != c.n || !strings.Contains(all, " "+c.has+" ") || c.lacks != "" && strings.Contains(all, " "+c.lacks+" ") {
				t.Errorf("got %v", got)
			}
		})
	}
	got, _ := space.OpSet("sep3x3, identity")
	if !reflect.DeepEqual(got, []string{"sep3x3", "identity"}) {
		t.Errorf("list came back as %v", got)
	}
	got[0] = "x"
	if again, _ := space.OpSet("seed-14"); again[0] != "identity" {
		t.Error("an op set shares memory with what was returned")
	}
}
