package child

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"nasnet/nas/setting"
)

// Every field of the configs has a row, and each row is one of their fields in JSON.
func TestEveryFieldHasARow(t *testing.T) {
	fields := map[uintptr]string{} // by address
	var s Setup
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			if f := v.Field(i); f.Kind() == reflect.Struct {
				walk(f, name+".")
			} else {
				fields[f.Addr().Pointer()] = path + name
			}
		}
	}
	walk(reflect.ValueOf(&s.Net).Elem(), "")
	walk(reflect.ValueOf(&s.Train).Elem(), "")
	for _, r := range Settings {
		at := reflect.ValueOf(r.At(&s)).Pointer()
		key := r.Key
		if key == "" {
			key = r.Name
		}
		if fields[at] != key {
			t.Errorf("%s: its key is %q; in JSON the field is %q", r.Name, key, fields[at])
		}
		delete(fields, at)
	}
	for _, name := range fields {
		t.Errorf("%s has no row", name)
	}
}

// What a row reads back is what it set, in the value and in JSON, and defaults are valid.
func TestEverySettingIsKept(t *testing.T) {
	var plain Setup
	Settings.For(setting.Train | setting.Network | setting.Images).Defaults(&plain)
	if err := plain.Net.Validate(); err != nil {
		t.Error(err)
	}
	if err := plain.Train.Validate(); err != nil {
		t.Error(err)
	}
	for _, r := range Settings {
		want := map[string]string{"int": "8", "float64": "0.25", "bool": "true"}[r.Type()]
		if r.Type() == "string" {
			want = r.Choices()[len(r.Choices())-1]
		}
		s := plain
		if err := r.Set(&s, want); err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var read Setup
		if err := json.Unmarshal(b, &read); err != nil || r.Get(read) != want || read != s {
			t.Errorf("%s: %s was read back as %s, %v", r.Name, want, r.Get(read), err)
		}
	}
}
