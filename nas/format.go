package nas

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// FormatFixed formats a number with n decimals. A zero has no minus.
func FormatFixed(x float64, n int) string {
	s := strconv.FormatFloat(x, 'f', n, 64)
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-")
	}
	return s
}

// FormatScore formats a reward or an accuracy with n decimals: .7714, 1.000.
func FormatScore(x float64, n int) string {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return "nan"
	}
	s := FormatFixed(x, n)
	if strings.HasPrefix(s, "0.") {
		return s[1:]
	}
	if len(s) > n+1 { // 1.0000 in the width of .7714
		s = s[:n+1]
	}
	return s
}

// FormatSigned formats a difference of rewards with its sign and three decimals: +.012.
func FormatSigned(x float64) string {
	s := FormatScore(math.Abs(x), 3)
	if x < 0 && s != ".000" {
		return "-" + s
	}
	return "+" + s
}

// FormatNumber formats a rate or a loss in at most five characters.
func FormatNumber(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return "nan"
	case a < 10:
		return FormatFixed(x, 3)
	case a < 100:
		return fmt.Sprintf("%.2f", x)
	case a < 1000:
		return fmt.Sprintf("%.1f", x)
	case a < 99999:
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.0e", x)
}

// FormatTime formats a duration: 0:16, 12:31, 18h05, 10d23h.
func FormatTime(d time.Duration) string {
	d = d.Round(time.Second)
	switch {
	case d < 0:
		return "0:00"
	case d < time.Hour:
		return fmt.Sprintf("%d:%02d", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02d", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

// FormatCount formats a count with its noun: 1 child, 2 children.
func FormatCount(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

var byteUnits = []struct {
	suffix string
	bytes  float64
}{{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40}}

// ParseBytes reads an amount of memory: a number of bytes, or one with K, M, G or T for powers of 1024, as in 512M,
// 1.5G or 2GiB.
func ParseBytes(text string) (int64, error) {
	number, unit := strings.ToUpper(strings.TrimSpace(text)), 1.0
	number = strings.TrimSuffix(strings.TrimSuffix(number, "B"), "I")
	for _, u := range byteUnits {
		if n, ok := strings.CutSuffix(number, u.suffix); ok {
			number, unit = n, u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(v >= 0) || v*unit >= math.MaxInt64 {
		return 0, errors.New("want an amount of memory like 512M, 1.5G or 2GiB")
	}
	return int64(v * unit), nil
}

// FormatBytes formats an amount of memory: 512 bytes, 1.5 GiB.
func FormatBytes(n int64) string {
	text := fmt.Sprintf("%d bytes", n)
	for _, u := range byteUnits {
		if v := float64(n) / u.bytes; v >= 1 {
			text = fmt.Sprintf("%.4g %siB", math.Round(v*10)/10, u.suffix)
		}
	}
	return text
}
