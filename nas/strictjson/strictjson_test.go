package strictjson_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"nasnet/nas/strictjson"
)

type sample struct {
	Name   string             `json:"name"`
	Kelvin int                `json:"kelvin"`
	X      []float64          `json:"x"`
	In     *sample            `json:"in"`
	M      map[string]float64 `json:"m"`
}

func TestDecode(t *testing.T) {
	var s sample
	if err := strictjson.Decode([]byte(` {"name":"a","x":[1,2.5],"in":{"name":"b"},"m":{"a":1,"b":2}} `), 1000,
		&s); err != nil {
		t.Fatal(err)
	}
	if want := (sample{Name: "a", X: []float64{1, 2.5}, In: &sample{Name: "b"},
		M: map[string]float64{"a": 1, "b": 2}}); !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v, want %+v", s, want)
	}
}

func TestWhatIsRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "unexpected end of JSON input"},
		{"an open object", `{"name":"a"`, "unexpected end of JSON input"},
		{"an open list", `{"x":[1,`, "unexpected end of JSON input"},
		{"a name twice", `{"name":"a","name":"b"}`, `"name" occurs twice`},
		{"a name twice in another case", `{"name":"a","NAME":"b"}`, `"NAME" occurs twice`},
		{"a name twice in another script", `{"kelvin":1,"\u212aelvin":2}`, "occurs twice"},
		{"a name twice, spelled differently", `{"name":"a","n\u0061me":"b"}`, "occurs twice"},
		{"a name twice inside", `{"in":{"x":[],"x":[]}}`, `"x" occurs twice`},
		{"a name twice in a list", `[{"x":[],"x":[]}]`, `"x" occurs twice`},
		{"an unknown field", `{"nome":"a"}`, `unknown field "nome"`},
		{"a second value", `{} {}`, "after top-level value"},
		{"an extra bracket", `{}]`, "after top-level value"},
		{"depth", strings.Repeat(`{"in":`, 33) + "null" + strings.Repeat("}", 33), "nested more than 32 deep"},
		{"great depth", strings.Repeat("[", 450) + strings.Repeat("]", 450), "nested more than 32 deep"},
		{"size", `{"name":"` + strings.Repeat("a", 1000) + `"}`, "1011 bytes, want at most 1000"},
		{"a number that does not fit", `{"x":[1e999]}`, "1e999"},
		{"NaN", `{"x":[NaN]}`, "invalid character 'N'"},
	} {
		if err := strictjson.Decode([]byte(c.text), 1000, new(sample)); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
	if err := strictjson.Decode([]byte(strings.Repeat(`{"in":`, 31)+`{"x":[]}`+strings.Repeat("}", 31)), 1000,
		new(sample)); err == nil {
		t.Error("33 levels were read")
	}
	if err := strictjson.Decode([]byte(strings.Repeat(`{"in":`, 31)+`{}`+strings.Repeat("}", 31)), 1000,
		new(sample)); err != nil {
		t.Errorf("32 deep: %v", err)
	}
}

// What is accepted is what encoding/json accepts without reading a field twice: a decoder that stops at unknown fields
// agrees.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"name":"a","x":[1,2.5],"in":{"name":"b"},"m":{"a":1}}`, `{"name":"a","Name":"b"}`,
		`[[[[`, `{"x":[1e999]}`, "null", `"\ud800"`, `{"m":{"\u212a":1,"k":2}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, plain sample
		err := strictjson.Decode(b, 4096, &s)
		if err != nil {
			return
		}
		if len(b) > 4096 || !json.Valid(b) {
			t.Fatalf("%q was read", b)
		}
		if err := json.Unmarshal(b, &plain); err != nil || !reflect.DeepEqual(plain, s) {
			t.Fatalf("%q is %+v, or %+v to encoding/json, %v", b, s, plain, err)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var again sample
		if err := strictjson.Decode(text, 1<<20, &again); err != nil {
			t.Fatalf("%q, written as %q, reads back with %v", b, text, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	block := `{"in1":0,"op1":"sep5x5","in2":1,"op2":"sep3x3","combine":"add"}`
	cell := `{"blocks":[` + strings.Repeat(block+",", 4) + block + `]}`
	text := []byte(`{"name":"x","normal":` + cell + `,"reduction":` + cell + `}`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if err := strictjson.Check(text, 1<<16); err != nil {
			b.Fatal(err)
		}
	}
}
