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

// What the stack, the size and the batch decide is written as 0, and means the same.
func TestPlainSettingsMeanTheSame(t *testing.T) {
	large := NetConfig{Stack: "imagenet", N: 1, Filters: 8, Image: 331}
	for _, r := range []struct {
		name   string
		s      Setup
		stem   float64
		shards int
		skip   bool
	}{
		{"nothing is said", Setup{}, 0, 0, false},
		{"a large network skips", Setup{Net: large}, 3, 0, true},
		{"a stem of its own", Setup{Net: NetConfig{StemMultiplier: 2}}, 2, 0, false},
		{"the stem that the stack has anyway", Setup{Net: NetConfig{StemMultiplier: 3}}, 0, 0, false},
		{"a large network that does not skip", Setup{Net: NetConfig{Stack: "imagenet", Image: 331, StemMultiplier: 3}},
			3, 0, false},
		{"the shards that the batch asks for", Setup{Train: TrainConfig{Batch: 64, Shards: 2}}, 0, 0, false},
		{"one shard, though the batch asks for two", Setup{Train: TrainConfig{Batch: 64, Shards: 1}}, 0, 1, false},
		{"two, though the batch asks for one", Setup{Train: TrainConfig{Batch: 32, Shards: 2}}, 0, 2, false},
	} {
		p := r.s.Plain()
		if p.Net.StemMultiplier != r.stem || p.Net.SkipReduction != r.skip || p.Train.Shards != r.shards ||
			p.Net.Classes != 0 {
			t.Errorf("%s: %+v", r.name, p)
		}
		if p.Net.WithDefaults() != r.s.Net.WithDefaults() ||
			p.Train.Alone().WithDefaults() != r.s.Train.Alone().WithDefaults() || p.Plain() != p {
			t.Errorf("%s: %+v means something else than %+v", r.name, p, r.s)
		}
	}
}
