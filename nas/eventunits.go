package nas

import (
	"fmt"
	"time"
)

// Unit says what a field of an event holds, and how sentences format it.
type Unit struct {
	Name string // for documentation

	// text formats a value; ok is false if the value does not fit the unit.
	text func(v any) (text string, ok bool)
}

var (
	inWords    = words("text", func(s string) string { return s })
	inHash     = words("text", func(s string) string { return fmt.Sprintf("%.4s", s) })
	inKind     = words("text", func(s string) string { return Kind(s).Word() })
	inCount    = number("number", func(x float64) string { return fmt.Sprintf("%.0f", x) })
	inNumber   = number("number", func(x float64) string { return fmt.Sprintf("%g", x) })
	inChildren = number("number", func(x float64) string { return FormatCount(int(x), "child", "children") })
	inPolicy   = number("number", func(x float64) string {
		if x < 0 {
			return "at random"
		}
		return fmt.Sprintf("by policy %.0f", x)
	})
	inFraction   = number("0 to 1", func(x float64) string { return FormatScore(x, 4) })
	inDifference = number("-1 to 1", FormatSigned)
	inLoss       = number("number", FormatNumber)
	inNats       = number("nats", func(x float64) string { return fmt.Sprintf("%.1f nats", x) })
	inBytes      = number("bytes", func(x float64) string { return FormatBytes(int64(x)) })
	inTime       = number("seconds", func(x float64) string {
		return FormatTime(time.Duration(min(x, 1e9) * float64(time.Second)))
	})
	inJSON = &Unit{Name: "JSON", text: func(v any) (string, bool) { return fmt.Sprint(v), v != nil }}
)

// words returns a unit for text.
func words(name string, write func(string) string) *Unit {
	return &Unit{Name: name, text: func(v any) (string, bool) {
		s, ok := v.(string)
		if !ok {
			return "", false
		}
		return write(s), true
	}}
}

// number returns a unit for numbers of the types that events carry, live or read from JSON.
func number(name string, write func(float64) string) *Unit {
	return &Unit{Name: name, text: func(v any) (string, bool) {
		switch x := v.(type) {
		case float64:
			return write(x), true
		case int:
			return write(float64(x)), true
		case int64:
			return write(float64(x)), true
		case uint64:
			return write(float64(x)), true
		}
		return "", false
	}}
}
