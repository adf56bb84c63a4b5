package nas

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

var byteUnits = []struct {
	suffix string
	bytes  float64
}{{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", 1 << 40}}

// ParseBytes reads an amount of memory: a number of bytes, or one with K, M, G or T for powers of 1024, as in 512M, 1.5G or 2GiB.
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

// FormatBytes writes an amount of memory for people, as in 1.5 GiB.
func FormatBytes(n int64) string {
	text := fmt.Sprintf("%d bytes", n)
	for _, u := range byteUnits {
		if v := float64(n) / u.bytes; v >= 1 {
			text = fmt.Sprintf("%.4g %siB", math.Round(v*10)/10, u.suffix)
		}
	}
	return text
}
