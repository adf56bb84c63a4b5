package setting

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

type of struct {
	N    int
	Seed uint64
	Rate float64
	On   bool
	Mode string
}

var table = Table[of]{
	{Name: "n", Label: "cells", Range: Range{Low: 1, High: 200}, Default: "2", Use: Train,
		At: func(v *of) any { return &v.N }},
	{Name: "seed", Use: Train | Search, At: func(v *of) any { return &v.Seed }},
	{Name: "rate", Key: "the_rate", Zero: true, Range: Range{Low: 0, High: 1, Below: true}, Use: Search,
		At: func(v *of) any { return &v.Rate }},
	{Name: "on", At: func(v *of) any { return &v.On }},
	{Name: "mode", Choices: func() []string { return []string{"a", "b"} }, Default: "a",
		At: func(v *of) any { return &v.Mode }},
}

func TestASettingIsReadAndWrittenAsText(t *testing.T) {
	for _, x := range []struct{ name, text, want, err string }{
		{"n", "7", "7", ""},
		{"n", "0", "", "want 1 to 200"},
		{"n", "1.5", "", "want 1 to 200"},
		{"seed", "18446744073709551615", "18446744073709551615", ""},
		{"seed", "-1", "", "want a whole number of 0 or more"},
		{"rate", "0.25", "0.25", ""},
		{"rate", "0", "0", ""}, // stored as -1
		{"rate", "1", "", "want 0 or more and less than 1"},
		{"rate", "NaN", "", "want 0 or more and less than 1"},
		{"on", "true", "true", ""},
		{"on", "maybe", "", "want true or false"},
		{"mode", "b", "b", ""},
		{"mode", "c", "", "want a or b"},
	} {
		r, ok := table.Named(x.name)
		if !ok {
			t.Fatalf("there is no row %s", x.name)
		}
		var v, was of
		table.Defaults(&v)
		was = v
		err := r.Set(&v, x.text)
		if x.err != "" {
			if err == nil || err.Error() != x.err || v != was {
				t.Errorf("%s %s: %v, %+v; want %q and no change", x.name, x.text, err, v, x.err)
			}
			continue
		}
		if got := r.Get(v); err != nil || got != x.want {
			t.Errorf("%s %s: %s, %v; want %s", x.name, x.text, got, err, x.want)
		}
	}
	var v of
	if r, _ := table.Named("rate"); r.Set(&v, "0") != nil || v.Rate != -1 {
		t.Errorf("none is stored as %v; want -1", v.Rate)
	}
}

func TestCheckNamesTheInvalidSetting(t *testing.T) {
	sound := of{N: 1, Mode: "a"}
	for want, change := range map[string]func(*of){
		"":                      func(*of) {},
		"n is 0; want 1 to 200": func(v *of) { v.N = 0 },
		"the_rate is 1; want 0 or more and less than 1":   func(v *of) { v.Rate = 1 },
		"the_rate is NaN; want 0 or more and less than 1": func(v *of) { v.Rate = math.NaN() },
		`mode is "c"; want a or b`:                        func(v *of) { v.Mode = "c" },
	} {
		v := sound
		change(&v)
		got := ""
		if err := table.Check(v); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%+v: %q; want %q", v, got, want)
		}
	}
}

func TestTheSettingsOfAPart(t *testing.T) {
	type whole struct{ Part of }
	rows := Of(table, func(w *whole) *of { return &w.Part })
	var w whole
	rows.Defaults(&w)
	if r, _ := rows.Named("n"); w.Part.N != 2 || r.Set(&w, "3") != nil || w.Part.N != 3 {
		t.Errorf("%+v", w)
	}
	full := Row[of]{Name: "n", Key: "k", Label: "l", Unit: "u", Help: "h", Hint: "i", Use: Train, Default: "1",
		First: true, Zero: true, None: "none",
		Choices: func() []string { return nil }, Range: Range{High: 1}, Within: func(of) Range { return Range{} },
		At:     func(v *of) any { return &v.N },
		Resets: func(*of, string) {}, Then: func(*of, func(string) bool) error { return nil }}
	part := reflect.ValueOf(Of(Table[of]{full}, func(w *whole) *of { return &w.Part })[0])
	for i := range part.NumField() { // Of must copy every new column
		if reflect.ValueOf(full).Field(i).IsZero() || part.Field(i).IsZero() {
			t.Errorf("%s was lost, or is not tested", part.Type().Field(i).Name)
		}
	}
	if got := strings.Join(rows.For(Search).Names(), " "); got != "seed rate" {
		t.Errorf("of searches: %s", got)
	}
	if got := strings.Join(rows.Differences(w, whole{}), ", "); got != "cells 3, mode a" {
		t.Errorf("differences: %s", got)
	}
}

// given is a table of settings that imply more than their own value.
var given = Table[of]{
	{Name: "rate", Range: Range{Low: 0, High: 1}, At: func(v *of) any { return &v.Rate },
		Then: func(v *of, given func(string) bool) error {
			if v.Rate == 1 && given("n") {
				return errors.New("rate 1 has no n")
			}
			if !given("on") {
				v.On = true
			}
			return nil
		}},
	{Name: "on", At: func(v *of) any { return &v.On }},
	{Name: "n", Range: Range{Low: 0, High: 9}, At: func(v *of) any { return &v.N }},
	{Name: "mode", None: "none", Choices: func() []string { return []string{"a", "b"} },
		At: func(v *of) any { return &v.Mode },
		Resets: func(v *of, mode string) {
			if mode != v.Mode {
				*v = of{}
			}
		}},
}

func TestSettingsMeanTheSameInAnyOrder(t *testing.T) {
	type whole struct{ Part of }
	ofWhole := Of(given, func(w *whole) *of { return &w.Part })
	was := of{N: 3, Mode: "a"}
	for _, x := range []struct {
		name  string
		texts map[string]string
		want  of
		err   string
	}{
		{"nothing", nil, was, ""},
		{"a name of another table", map[string]string{"depth": "x"}, was, ""},
		{"alone it implies more", map[string]string{"rate": "0.5"}, of{N: 3, Mode: "a", Rate: 0.5, On: true}, ""},
		{"an explicit setting wins", map[string]string{"rate": "0.5", "on": "false"},
			of{N: 3, Mode: "a", Rate: 0.5}, ""},
		{"a reset comes first, though its row is the last", map[string]string{"mode": "b", "n": "4"},
			of{N: 4, Mode: "b"}, ""},
		{"the same value again resets nothing", map[string]string{"mode": "a"}, was, ""},
		{"the word for none", map[string]string{"mode": "none"}, of{}, ""},
		{"a wrong number", map[string]string{"n": "10"}, was, `n "10"; want 0 to 9`},
		{"a wrong choice", map[string]string{"mode": "c"}, of{}, `mode "c"; want one of a, b, none`},
		{"two that exclude each other", map[string]string{"rate": "1", "n": "1"}, of{N: 1, Mode: "a", Rate: 1},
			"rate 1 has no n"},
	} {
		w := whole{was}
		err := ofWhole.Give(&w, x.texts)
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != x.err || w.Part != x.want {
			t.Errorf("%s: %+v, %q; want %+v, %q", x.name, w.Part, got, x.want, x.err)
		}
	}
}
