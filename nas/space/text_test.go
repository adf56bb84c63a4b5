package space_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"nasnet/nas/space"
)

func TestTextOfNASNetA(t *testing.T) {
	k, err := space.Lookup("NASNet_A")
	if err != nil {
		t.Fatal(err)
	}
	const normal = "h.s5+p.s3 p.s5+p.s3 h.a3+p.i p.a3+p.a3 h.s3+h.i [p01234]"
	if got := k.Genotype.Normal.Text(); got != normal {
		t.Errorf("got  %s\nwant %s", got, normal)
	}
	const both = "name=nasnet-a normal=" + normal + " reduction=h.s5+p.s7 h.m3+p.s7 h.a3+p.s5 1.i+0.a3 0.s3+h.m3 [1234]"
	if got := k.Genotype.Text(); got != both {
		t.Errorf("got  %s\nwant %s", got, both)
	}
}

func TestParseText(t *testing.T) {
	const red = " reduction=h.i+p.i"
	for _, c := range []struct{ name, text, want string }{
		{"short names", "normal=h.s5&p.c1 [0]" + red, "h.s5&p.c1 [0]"},
		{"long names", "normal=h.sep5x5&p.conv1x1" + red, "h.s5&p.c1 [0]"},
		{"any blanks", " normal=  h.i+p.i\t0.i+0.i   [p 0,1]" + red + " ", "h.i+p.i 0.i+0.i [p01]"},
		{"blocks past nine", "normal=" + strings.Repeat("h.i+p.i ", 11) + "b10.i+9.i [012345678b11]" + red,
			strings.Repeat("h.i+p.i ", 11) + "b10.i+9.i [012345678b11]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, err := space.ParseText(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := g.Normal.Text(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	for _, c := range []struct{ name, text, want string }{
		{"no reduction", "normal=h.i+p.i", "has no reduction="},
		{"no normal", "reduction=h.i+p.i", "want normal=… reduction=…"},
		{"one term", "normal=h.i" + red, `normal cell: block b0: is "h.i", want two terms joined by + or &`},
		{"no dot", "normal=h.i+pi" + red, `block b0: term "pi" has no dot`},
		{"unknown op", "normal=h.i+p.i h.i+p.z9" + red, `block b1: op is "z9", want one of i f3`},
		{"unknown state", "normal=h.i+q.i" + red, `state is "q", want h, p, 0 to 9, or b10 and up`},
		{"open list", "normal=h.i+p.i [0" + red, "is not closed, want ]"},
		{"empty list", "normal=h.i+p.i []" + red, "the list [] is empty"},
		{"text after the list", "normal=h.i+p.i [0] x" + red, `"x" after the list`},
		{"a state that comes later", "normal=h.i+3.i" + red, "normal cell: block b0: in2 is state 5"},
		{"open quotes", `name="x normal=h.i+p.i` + red, "quotes of the name are not closed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := space.ParseText(c.text)
			if err == nil || !strings.HasPrefix(err.Error(), "space: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// explicit gives some cells of g a random valid concat list.
func explicit(r *rand.Rand, c space.Cell) space.Cell {
	if r.IntN(2) == 0 {
		return c
	}
	list := c.LooseEnds()
	for s := range len(c.Blocks) + 2 {
		if r.IntN(3) == 0 && !contains(list, s) {
			list = append(list, s)
		}
	}
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	c.Concat = list
	if reflect.DeepEqual(list, c.LooseEnds()) {
		c.Concat = nil // the text form does not keep a list that equals the rule's
	}
	return c
}

func contains(list []int, s int) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func randomGenotype(t testing.TB, r *rand.Rand, ops string, blocks int) space.Genotype {
	t.Helper()
	s, err := space.New(ops, blocks)
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.Decode(s.Random(r))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestTextAndJSONRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 1500 {
		g := randomGenotype(t, r, "seed-14", 1+i%14)
		g.Normal, g.Reduction = explicit(r, g.Normal), explicit(r, g.Reduction)
		g.Name = []string{"", "nasnet-a", `a "b" c`, "größe ≠ 1", "x=y", "normal=h.i"}[i%6]
		back, err := space.ParseText(g.Text())
		if err != nil || !reflect.DeepEqual(back, g) {
			t.Fatalf("text %s\ncame back as %+v, %v", g.Text(), back, err)
		}
		b, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		if back, err = space.ParseJSON(b); err != nil || !reflect.DeepEqual(back, g) {
			t.Fatalf("JSON %s\ncame back as %+v, %v", b, back, err)
		}
		for _, form := range []string{g.Text(), string(b)} {
			if back, err = space.Parse(form); err != nil || back.Hash() != g.Hash() {
				t.Fatalf("Parse(%s) = %+v, %v", form, back, err)
			}
		}
	}
}

func TestTextOfAnInvalidCellDoesNotPanic(t *testing.T) {
	g := space.Genotype{Normal: space.Cell{Blocks: []space.Block{{In1: -7, In2: 1000, Op1: "?"}},
		Concat: []int{-3, 99}}}
	_, _ = g.Text(), g.Normal.Outputs()
	_, _ = g.Normal.LooseEnds(), g.Normal.Depth()
	_ = space.Diff(g, space.Genotype{})
}

func FuzzParse(f *testing.F) {
	for _, k := range space.Known {
		b, _ := json.Marshal(k.Genotype)
		f.Add(string(b))
		f.Add(k.Genotype.Text())
		if d, err := k.Genotype.DARTS(); err == nil {
			f.Add(k.Name + " = " + d)
		}
	}
	f.Add("nasnet-b")
	f.Add("0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1 1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1")
	f.Add("{'normal/op_2_0': 'sep_conv_3x3', 'normal/op_2_1': 'conv_1x1', 'normal/input_2_0': [0], " +
		"'normal/input_2_1': 1}")
	f.Add("Genotype(normal=[('none', 0)], normal_concat=range(2, 6))")
	f.Add(`name="\u1234" normal=h.i+p.i [b10b11] reduction=b63.f7&9.s3`)
	f.Fuzz(func(t *testing.T, s string) {
		g, err := space.Parse(s)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "space: ") {
				t.Errorf("error %q does not name the package", err)
			}
			return
		}
		if err := g.Validate(); err != nil {
			t.Fatalf("parsed an invalid genotype: %v", err)
		}
		hash := g.Hash()
		for form, parse := range map[string]func(string) (space.Genotype, error){
			g.Text(): space.ParseText,
			mustJSON(g): func(s string) (space.Genotype, error) {
				return space.ParseJSON([]byte(s))
			},
		} {
			back, err := parse(form)
			if err != nil {
				t.Fatalf("%s does not parse back: %v", form, err)
			}
			if back.Name != g.Name || back.Hash() != hash {
				t.Fatalf("%s came back as %s", form, back.Text())
			}
		}
		if c := g.Canonical(); c.Validate() != nil || c.Hash() != hash {
			t.Fatalf("the canonical form %s of %s is another genotype", c.Text(), g.Text())
		}
	})
}

func mustJSON(g space.Genotype) string {
	b, err := json.Marshal(g)
	if err != nil {
		panic(err)
	}
	return string(b)
}
