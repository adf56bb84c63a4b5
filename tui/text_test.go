package tui

import (
	"math"
	"testing"

	"nasnet/nas"
)

func TestNumbersAsText(t *testing.T) {
	for _, r := range []struct{ got, want string }{
		{score(0.7714, 4), ".7714"}, {score(1, 4), "1.000"}, {score(math.NaN(), 3), "nan"}, {score(0, 3), ".000"},
		{score(-0.1, 3), "-0.1"}, {score(-1e-6, 4), ".0000"}, {number(-1e-6), "0.000"}, {fixed(-0.01, 1), "0.0"},
		{nas.FormatSigned(-1e-6), "+.000"}, {signed(-0.01, 1), "0.0"}, {signed(0.01, 1), "0.0"},
		{signed(0.26, 1), "+0.3"},
		{amount(0), "0"}, {amount(999), "999"}, {amount(5200), "5.2k"}, {amount(99_949), "99.9k"},
		{amount(310_000), "0.31M"}, {amount(41_200_000), "41.2M"},
		{amount(563_640_000), "564M"}, {amount(23_780_000_000), "23.8G"},
		{rate(0.025), "0.025"}, {rate(3.5e-4), "3.5e-4"}, {rate(1e-5), "1e-5"}, {rate(0), "0"},
		{rate(0.0247), "0.0247"},
		{number(0.0061), "0.006"}, {number(12.345), "12.35"}, {number(123456), "1e+05"}, {number(math.Inf(1)), "nan"},
		{clock(16e9), "0:16"}, {clock(151e9), "2:31"}, {clock((18*3600 + 300) * 1e9), "18h05"},
		{clock((10*24 + 23) * 3600 * 1e9), "10d23h"}, {clock(-1e9), "0:00"},
		{plural(1, "child", "children"), "1 child"}, {plural(0, "child", "children"), "0 children"},
	} {
		if r.got != r.want {
			t.Errorf("got %q, want %q", r.got, r.want)
		}
	}
}

func TestOverlay(t *testing.T) {
	rows := []struct {
		name, under string
		x           int
		want        string
	}{
		{"in the middle", "abcdef", 2, "abXXef"},
		{"at the left edge", "abcdef", 0, "XXcdef"},
		{"over a short line", "a", 3, "a  XX "},
		{"over the left half of a wide glyph", "a界bcd", 0, "XX bcd"},
		{"over the right half of a wide glyph", "界bcde", 1, " XXcde"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if got := overlay([]string{r.under}, []string{"XX"}, r.x, 0, 6)[0]; got != r.want {
				t.Errorf("got %q, want %q", got, r.want)
			}
		})
	}
}
