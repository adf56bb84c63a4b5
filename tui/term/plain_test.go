package term_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"nasnet/tui/term"
)

const hostile = "\x1b]52;c;eA==\a\x9b31m\u009b2J\u202eevil\u2028\r\x7f\ufeff\U000e0041"

func TestPlainTextIsShownNotObeyed(t *testing.T) {
	var out bytes.Buffer
	w := term.Plain(&out)
	const text = "größe\tx\n" + hostile + " 界\n"
	want := "größe\tx\n" + `\x1b]52;c;eA==\a\x9b31m\u009b2J\u202eevil\u2028\r\x7f\ufeff\U000e0041` + " 界\n"
	for i := range len(text) { // characters cut at every byte
		if n, err := w.Write([]byte(text[i : i+1])); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out.String(), want)
	}
	out.Reset()
	if w.Write([]byte(text)); out.String() != want {
		t.Errorf("at once: %q", out.String())
	}
	if got, want := term.Line("a\n\tb"+hostile+"\xe2"), `a\n\tb`+want[len("größe\tx\n"):len(want)-len(" 界\n")]+
		`\xe2`; got != want {
		t.Errorf("on one line\ngot  %q\nwant %q", got, want)
	}
}

func TestPlainJSONMeansTheSame(t *testing.T) {
	text := strings.ToValidUTF8(hostile, "\ufffd") + "größe 界"
	b, err := json.Marshal(map[string]string{text: text})
	if err != nil {
		t.Fatal(err)
	}
	plain := term.PlainJSON(b)
	if bytes.ContainsFunc(plain, term.Obeyed) || !bytes.Contains(plain, []byte("größe 界")) {
		t.Errorf("%q", plain)
	}
	var back map[string]string
	if err := json.Unmarshal(plain, &back); err != nil || back[text] != text {
		t.Errorf("%q, %v", back, err)
	}
}

func FuzzPlain(f *testing.F) {
	f.Add([]byte(hostile), 3)
	f.Add([]byte("\xe2\x80"), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		var out bytes.Buffer
		w := term.Plain(&out)
		cut = max(0, min(cut, len(b)))
		w.Write(b[:cut])
		w.Write(b[cut:])
		w.Write([]byte("\n"))
		if !utf8.Valid(out.Bytes()) {
			t.Fatalf("%q", out.Bytes())
		}
		for _, r := range out.String() {
			if r != '\n' && r != '\t' && term.Obeyed(r) {
				t.Fatalf("%q passes %U", b, r)
			}
		}
		if strings.ContainsFunc(term.Line(string(b)), term.Obeyed) {
			t.Fatalf("%q", b)
		}
		if j, err := json.Marshal(string(b)); err != nil || bytes.ContainsFunc(term.PlainJSON(j), term.Obeyed) {
			t.Fatalf("%q, %v", j, err)
		}
	})
}
