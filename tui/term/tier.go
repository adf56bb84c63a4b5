package term

import "strings"

// Tier is a set of glyphs that a terminal can show, each one cell wide.
type Tier int

// The tiers, from the richest to the plainest.
const (
	Unicode Tier = iota // box drawing with arcs, eighth blocks, arrows
	CP437               // the font of the Linux console: square corners, half blocks
	ASCII               // bytes 32 to 126
)

func (t Tier) String() string { return [...]string{"unicode", "cp437", "ascii"}[t] }

// Detect picks the tier from the environment; getenv is os.Getenv. NASNET_GLYPHS (unicode, cp437, ascii) overrides it.
//
// Under East Asian settings the width of box drawing is ambiguous: half of the terminals draw it two cells wide, so
// they get ASCII. Without a locale most terminals show UTF-8 anyway, but tmux and screen replace everything except
// ASCII.
func Detect(getenv func(string) string) Tier {
	switch strings.ToLower(getenv("NASNET_GLYPHS")) {
	case "unicode", "utf-8", "utf8":
		return Unicode
	case "cp437", "linux":
		return CP437
	case "ascii":
		return ASCII
	}
	locale := getenv("LC_ALL")
	for _, name := range []string{"LC_CTYPE", "LANG"} {
		if locale == "" {
			locale = getenv(name)
		}
	}
	locale = strings.ToLower(locale)
	utf8 := strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
	switch {
	case locale == "":
		if getenv("TMUX") != "" || getenv("STY") != "" {
			return ASCII
		}
	case !utf8:
		return ASCII
	}
	if v := getenv("RUNEWIDTH_EASTASIAN"); v == "1" || (v != "0" && eastAsian(locale)) {
		return ASCII
	}
	if getenv("TERM") == "linux" {
		return CP437
	}
	return Unicode
}

func eastAsian(locale string) bool {
	for _, l := range []string{"zh", "ja", "ko"} {
		if locale == l || strings.HasPrefix(locale, l+"_") || strings.HasPrefix(locale, l+".") {
			return true
		}
	}
	return false
}

// Border is the signs of a box: its corners and edges.
type Border struct{ TopLeft, Top, TopRight, Side, BottomLeft, Bottom, BottomRight string }

// States are the signs of a run's or a child's state.
type States struct{ Running, Paused, Done, Failed, Stopped string }

// Glyphs are the signs of a tier. Each is one cell wide, except Branch and LastBranch.
type Glyphs struct {
	Tier Tier
	States
	Light, Heavy Border // a pane; the pane with the focus

	Cursor, Star, Mark, None string // Mark is before a marked row, None replaces an unknown value
	// Dot separates, To points from old to new, Less and More point to choices on the left and right
	Dot, To, Less, More string
	Ellipsis            string
	Times, PlusMinus    string
	Differs             string   // a difference between two cells
	Branch, LastBranch  string   // of a family tree
	Full                string   // a cell of a bar
	Shades              []string // from nothing to full
}

// GlyphsOf returns the signs of a tier.
func GlyphsOf(t Tier) Glyphs {
	switch t {
	case CP437:
		return Glyphs{
			Tier: t, States: States{Running: "►", Paused: "=", Done: "√", Failed: "x", Stopped: "■"},
			Light:  Border{"┌", "─", "┐", "│", "└", "─", "┘"},
			Heavy:  Border{"╔", "═", "╗", "║", "╚", "═", "╝"},
			Cursor: "►", Star: "*", Mark: "♦", None: "-", Dot: "·", To: "→", Less: "◄", More: "►", Ellipsis: "~",
			Times: "x", PlusMinus: "±", Differs: "!",
			Branch: "├─", LastBranch: "└─", Full: "█", Shades: []string{" ", "░", "▒", "▓", "█"},
		}
	case ASCII:
		return Glyphs{
			Tier: t, States: States{Running: ">", Paused: "=", Done: "v", Failed: "x", Stopped: "#"},
			Light:  Border{"+", "-", "+", "|", "+", "-", "+"},
			Heavy:  Border{"+", "=", "+", "|", "+", "=", "+"},
			Cursor: ">", Star: "*", Mark: "+", None: "-", Dot: "-", To: ">", Less: "<", More: ">", Ellipsis: "~",
			Times: "x", PlusMinus: "~", Differs: "!",
			Branch: "|-", LastBranch: "`-", Full: "#", Shades: []string{" ", ".", "-", "+", "#"},
		}
	}
	return Glyphs{
		Tier: Unicode, States: States{Running: "▸", Paused: "‖", Done: "✓", Failed: "✗", Stopped: "▪"},
		Light:  Border{"╭", "─", "╮", "│", "╰", "─", "╯"},
		Heavy:  Border{"┏", "━", "┓", "┃", "┗", "━", "┛"},
		Cursor: "▸", Star: "★", Mark: "◆", None: "–", Dot: "·", To: "→", Less: "◂", More: "▸", Ellipsis: "…",
		Times: "×", PlusMinus: "±", Differs: "≠",
		Branch: "├─", LastBranch: "└─", Full: "█", Shades: []string{" ", "░", "▒", "▓", "█"},
	}
}
