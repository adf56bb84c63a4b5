package nas

import "testing"

func TestAmountsOfMemory(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "4096": 4096, "4096B": 4096, "2k": 2048, "512M": 512 << 20,
		"1.5G": 3 << 29, "2GiB": 2 << 30, "3 gb": 3 << 30, "1T": 1 << 40} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "G", "-1", "1e99", "much", "NaN", "9999999T", "1x"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
	for n, want := range map[int64]string{12: "12 bytes", 1 << 10: "1 KiB", 3 << 29: "1.5 GiB", 5 << 40: "5 TiB"} {
		if got := FormatBytes(n); got != want {
			t.Errorf("%d: %s; want %s", n, got, want)
		}
	}
}
