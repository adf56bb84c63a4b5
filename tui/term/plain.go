package term

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Obeyed reports whether a terminal may act on a character rather than show it: controls (below blank, DEL, and U+0080
// to U+009F, which are escape sequences to some), direction marks and other invisible format characters, and the
// separators of lines and paragraphs.
func Obeyed(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Plain returns a writer to w for text that contains names, notes and messages from outside. It writes what a terminal
// would obey, except line feed and tab, and what is not UTF-8, as Go quotes it: \x1b or \u202e. It is safe for several
// goroutines.
func Plain(w io.Writer) io.Writer { return &plain{w: w} }

type plain struct {
	w io.Writer

	mu   sync.Mutex
	rest []byte // start of a character that ends in the next write
}

func (p *plain) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := append(p.rest, b...)
	p.rest = nil
	var out []byte
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			p.rest = bytes.Clone(text)
			break
		}
		n := 1
		if text[0] == '\n' || text[0] == '\t' {
			out = append(out, text[0])
		} else {
			out, n = appendShown(out, text)
		}
		text = text[n:]
	}
	if _, err := p.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Line returns text from outside as [Plain] writes it, on one line: with \n and \t for line feed and tab.
func Line(s string) string {
	var out []byte
	for text := []byte(s); len(text) > 0; {
		var n int
		out, n = appendShown(out, text)
		text = text[n:]
	}
	return string(out)
}

// appendShown adds the first character of text in a form that is shown, and returns its length in bytes.
func appendShown(out, text []byte) ([]byte, int) {
	r, n := utf8.DecodeRune(text)
	switch {
	case r == utf8.RuneError && n == 1:
		return fmt.Appendf(out, `\x%02x`, text[0]), n
	case Obeyed(r):
		q := strconv.AppendQuoteRuneToASCII(nil, r)
		return append(out, q[1:len(q)-1]...), n
	}
	return append(out, text[:n]...), n
}

// PlainJSON returns JSON with the same meaning, in which everything that a terminal would obey is escaped, as \u009b:
// encoding/json escapes only the controls below blank.
func PlainJSON(b []byte) []byte {
	obeyed := func(r rune) bool { return r >= 0x7f && Obeyed(r) }
	if bytes.IndexFunc(b, obeyed) < 0 {
		return b
	}
	var out []byte
	for _, r := range string(b) {
		if !obeyed(r) {
			out = utf8.AppendRune(out, r)
			continue
		}
		for _, u := range utf16.AppendRune(nil, r) {
			out = fmt.Appendf(out, `\u%04x`, u)
		}
	}
	return out
}
