package space_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"nasnet/nas/space"
)

// cell parses "normal=x reduction=x" for a cell x in text form.
func cell(t testing.TB, text string) space.Cell {
	t.Helper()
	g, err := space.ParseText("normal=" + text + " reduction=" + text)
	if err != nil {
		t.Fatal(err)
	}
	return g.Normal
}

func TestOutputs(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []int
		depth      int
	}{
		{"without a list, what no block reads", "h.i+p.i 0.i+h.i h.i+p.i", []int{3, 4}, 2},
		{"an unused input is not a loose end", "h.i+h.i", []int{2}, 1},
		{"the last block always is", "h.i+p.i 0.i+0.i 1.i+0.i", []int{4}, 3},
		{"a list keeps its order", "h.i+p.i 0.i+0.i [1p0]", []int{3, 1, 2}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := cell(t, c.text)
			if got := k.Outputs(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("outputs %v, want %v", got, c.want)
			}
			if got := k.Depth(); got != c.depth {
				t.Errorf("depth %d, want %d", got, c.depth)
			}
		})
	}
}

func TestValidateNamesCellBlockFoundAndWanted(t *testing.T) {
	good := func() space.Genotype {
		k, _ := space.Lookup("nasnet-a")
		return k.Genotype
	}
	for _, c := range []struct {
		name  string
		spoil func(g *space.Genotype)
		want  string
	}{
		{"a block reads itself", func(g *space.Genotype) { g.Normal.Blocks[3].In1 = 5 },
			"space: normal cell: block b3: in1 is state 5, want 0 to 4 (h[i], h[i-1], b0 to b2)"},
		{"a block reads a later one", func(g *space.Genotype) { g.Reduction.Blocks[0].In2 = 2 },
			"space: reduction cell: block b0: in2 is state 2, want 0 to 1 (h[i], h[i-1])"},
		{"a negative state", func(g *space.Genotype) { g.Normal.Blocks[1].In1 = -1 },
			"space: normal cell: block b1: in1 is state -1, want 0 to 2 (h[i], h[i-1], b0)"},
		{"an unknown op", func(g *space.Genotype) { g.Normal.Blocks[2].Op2 = "sep9x9" },
			`space: normal cell: block b2: op2 is "sep9x9", want one of identity conv1x3_3x1`},
		{"an unknown combine", func(g *space.Genotype) { g.Reduction.Blocks[4].Combine = "mul" },
			`space: reduction cell: block b4: combine is "mul", want "add" or "concat"`},
		{"no blocks", func(g *space.Genotype) { g.Normal = space.Cell{} },
			"space: normal cell: has 0 blocks, want 1 to 64"},
		{"too many blocks", func(g *space.Genotype) { g.Normal.Blocks = make([]space.Block, 65) },
			"space: normal cell: has 65 blocks, want 1 to 64"},
		{"the concat list names a missing state", func(g *space.Genotype) { g.Normal.Concat[0] = 7 },
			"space: normal cell: concat: has state 7, want 0 to 6 (h[i], h[i-1], b0 to b4)"},
		{"the concat list repeats a state", func(g *space.Genotype) { g.Reduction.Concat[1] = 3 },
			"space: reduction cell: concat: state 3 (b1) occurs twice"},
		{"a block leads nowhere", func(g *space.Genotype) { g.Normal.Concat = []int{2, 3, 4, 6} },
			"space: normal cell: block b3: no block reads its result and it is not in the concat list [2 3 4 6], " +
				"want one of the two"},
		{"a name that would move the cursor", func(g *space.Genotype) { g.Name = "\x1b[2J" },
			`space: name "\x1b[2J" has a character that is not printable`},
		{"a name that is too long", func(g *space.Genotype) { g.Name = strings.Repeat("x", 101) },
			"space: name has 101 bytes, want at most 100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := good()
			if err := g.Validate(); err != nil {
				t.Fatalf("before: %v", err)
			}
			c.spoil(&g)
			err := g.Validate()
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestJSONIsAsDocumented(t *testing.T) {
	const text = `{"name":"x",` +
		`"normal":{"blocks":[{"in1":0,"op1":"sep5x5","in2":1,"op2":"sep3x3","combine":"add"}],"concat":[1,2]},` +
		`"reduction":{"blocks":[{"in1":1,"op1":"max3x3","in2":1,"op2":"identity","combine":"concat"}]}}`
	g, err := space.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(g)
	if err != nil || string(b) != text {
		t.Errorf("wrote %s, %v", b, err)
	}
}

func TestParseJSONRefuses(t *testing.T) {
	block := `{"in1":0,"op1":"sep5x5","in2":1,"op2":"sep3x3","combine":"add"}`
	both := func(b string) string { return `{"normal":{"blocks":[` + b + `]},"reduction":{"blocks":[` + b + `]}}` }
	if _, err := space.ParseJSON([]byte(both(block))); err != nil {
		t.Fatalf("the valid genotype: %v", err)
	}
	for _, c := range []struct{ name, json, want string }{
		{"a missing input", both(strings.Replace(block, `"in1":0,`, "", 1)), `"in1" is missing`},
		{"a missing combine", both(strings.Replace(block, `,"combine":"add"`, "", 1)), `"combine" is missing`},
		{"an unknown field of a block", both(strings.Replace(block, `"in1"`, `"stride":2,"in1"`, 1)),
			`unknown field "stride"`},
		{"an unknown field of a cell", `{"normal":{"blocks":[],"out":[1]}}`, `unknown field "out"`},
		{"an unknown field of the genotype", `{"normals":{}}`, `unknown field "normals"`},
		{"text after the object", both(block) + "{}", "after top-level value"},
		{"a cell twice", `{"normal":{"blocks":[` + block + `]},"normal":{"blocks":[` + block +
			`]},"reduction":{"blocks":[` + block + `]}}`, `"normal" occurs twice`},
		{"a field twice in another case", both(block[:len(block)-1] + `,"IN1":1}`), `"IN1" occurs twice`},
		{"great depth", strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000), "nested more than 32 deep"},
		{"a missing cell", `{"normal":{"blocks":[` + block + `]}}`, "reduction cell: has 0 blocks"},
		{"more than 64 KiB", strings.Repeat(" ", 70<<10), "71680 bytes, want at most 65536"},
		{"half an object", both(block)[:80], "unexpected end of JSON input"},
		{"nothing", "", "unexpected end of JSON input"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := space.ParseJSON([]byte(c.json))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}
