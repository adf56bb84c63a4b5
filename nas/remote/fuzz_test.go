//go:build unix

package remote

import (
	"bufio"
	"bytes"
	"encoding/json"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"nasnet/nas"
)

// still is an engine in which nothing happens.
type still struct {
	nas.Engine
	snap nas.Snapshot
}

func (s *still) Snapshot() *nas.Snapshot { return &s.snap }

// Whatever bytes come as a command, it is refused, or it names nothing outside the store and survives writing and
// reading.
func FuzzCommand(f *testing.F) {
	for _, seed := range []string{`{"do":"pause"}`, `{"do":"workers","n":4}`,
		`{"do":"note","trial":1000000,"text":"\u001b[2J"}`, `{"do":"fork","fork":{"at":-1,"name":"../x","seed":1}}`,
		`{"do":"retrain","trial":3,"retrain":{"data":{"name":"/etc","dir":"/","image":32},"net":{"n":1},"train":{},` +
			`"seed":18446744073709551615}}`,
		`{"do":"submit","cell":{"normal":{"blocks":[{"in1":0,"op1":"identity","in2":1,"op2":"sep3x3",` +
			`"combine":"add"}]},"reduction":{"blocks":[]}}}`, `null`, `[]`, `{"do":"stop"}x`} {
		f.Add([]byte(seed))
	}
	s := &Server{
		engine: &still{
			snap: nas.Snapshot{Identity: nas.Identity{Config: nas.Config{
				Images: nas.Images{Data: "own", DataDir: "/own"}}}}}, options: Options{DataSets: []string{"known"}}}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCommand(b)
		if err != nil || s.inside(c) != nil {
			return
		}
		if c.Do == nas.Fork && c.Fork != nil && c.Fork.Name != filepath.Base(c.Fork.Name) && c.Fork.Name != "" {
			t.Errorf("the name %q of a fork is a path", c.Fork.Name)
		}
		if c.Do == nas.Retrain && c.Retrain != nil {
			d := c.Retrain.Data
			if d.Name != "own" && d.Name != "known" || d.Dir != "" && d.Dir != "/own" {
				t.Errorf("data %q in %q", d.Name, d.Dir)
			}
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := parseCommand(text); err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%s is read as %+v, %v; it was %+v", text, again, err, c)
		}
	})
}

// Whatever a program sends as a stream, the client keeps a snapshot that can be shown, and that shares nothing mutable
// with an older one.
func FuzzStream(f *testing.F) {
	f.Add([]byte(`{"t":"snapshot","protocol":1,"pid":1,"seat":"x","snapshot":{"version":3,"state":"running",` +
		`"top":[{"trial":1}]},"control":{"mine":true}}` + "\n" +
		`{"t":"snapshot","snapshot":{"top":[],"unknown":5}}` + "\n" + `{"t":"end","reason":"over"}` + "\n"))
	f.Add([]byte(`{"t":"snapshot","protocol":2}` + "\n"))
	f.Add([]byte(`{"protocol":1,"snapshot":{"best":{"trial":"x"}}}` + "\n"))
	f.Add([]byte("\n\n{}\nnull\n[]\n"))
	f.Add([]byte(strings.Repeat("x", 1<<17)))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &Client{caller: &caller{}, ended: make(chan struct{}), pokes: map[chan struct{}]bool{}}
		lines := bufio.NewReaderSize(bytes.NewReader(b), 16)
		if c.read(lines) != nil {
			return
		}
		for {
			before := c.Snapshot()
			was, err := json.Marshal(before)
			if err != nil {
				t.Fatal(err)
			}
			if c.read(lines) != nil {
				break
			}
			if now, err := json.Marshal(before); err != nil || !bytes.Equal(now, was) {
				t.Fatalf("a snapshot changed: %s, %v", now, err)
			}
			if c.Snapshot().Version <= before.Version {
				t.Fatalf("version %d after %d", c.Snapshot().Version, before.Version)
			}
		}
		c.follow(lines)
		if c.Control().Lost == "" || c.Control().Mine {
			t.Errorf("%+v", c.Control())
		}
	})
}
