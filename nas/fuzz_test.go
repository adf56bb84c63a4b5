package nas_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"nasnet/nas"
)

// Whatever a store holds as a config is rejected with the word config, or is within the limits and survives writing and
// reading.
func FuzzParseConfig(f *testing.F) {
	for _, p := range nas.Presets {
		c, err := nas.PresetNamed(p.Name)
		if err != nil {
			f.Fatal(err)
		}
		b, err := json.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		for _, change := range [][2]string{{`"children":200`, `"children":1000001`}, {`"batch":10`, `"batch":-1`},
			{`"ops":"seed-14"`, `"ops":"sep3x3,identity"`}, {`"blocks":5`, `"blocks":65`}, {`"lr":0.05`, `"lr":1e999`},
			{`"seed":1`, `"seed":1,"Seed":2`}, {`"image":14`, `"image":9223372036854775807`},
			{`"data":"fashion-mnist-10k"`, `"data":"\u001b[2J"`}} {
			f.Add([]byte(strings.Replace(string(b), change[0], change[1], 1)))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := nas.ParseConfig(b)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "config: ") {
				t.Errorf("error %q", err)
			}
			return
		}
		sp, err := c.Space()
		if err != nil || sp.Validate() != nil || c.Children > nas.FirstManual || c.Workers > 1024 ||
			c.Net.Validate() != nil || c.Train.Validate() != nil {
			t.Fatalf("%s was accepted, space %v", b, err)
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := nas.ParseConfig(text); err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%s is read as %+v, %v; it was %+v", text, again, err, c)
		}
	})
}

// Whatever a line of a run's log holds is rejected, or survives writing and reading.
func FuzzEvent(f *testing.F) {
	for _, s := range []string{`{"ts":"2026-01-02T03:04:05.6Z","t":"trial_finished","run":"a","trial":3,"reward":0.5}`,
		`{"ts":"2026-01-02T03:04:05+14:00","t":"x","run":"y","level":"warn","trial":-1}`,
		`{"ts":"2026-01-02T03:04:05Z","trial":1e300}`,
		`{"ts":"2026-01-02T03:04:05Z","trial":0.5,"level":7,"run":[],"t":{}}`, `null`, `{"ts":1}`, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e, again nas.Event
		if json.Unmarshal(b, &e) != nil {
			return
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Skip() // the zone turns it into a year of five digits
		}
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("%s, written as %s: %v", b, text, err)
		}
		if e.Level == "" { // written as info
			e.Level = "info"
		}
		if !again.Time.Equal(e.Time) || again.Kind != e.Kind || again.Run != e.Run || again.Trial != e.Trial ||
			again.Level != e.Level || len(again.Data) != len(e.Data) {
			t.Fatalf("%+v, written as %s, is read as %+v", e, text, again)
		}
	})
}
