package term

import "encoding/base64"

// Clipboard returns the sequence (OSC 52) that copies a text to the terminal's clipboard. Terminals that do not know or
// allow it ignore it.
func Clipboard(text string) []byte {
	return []byte("\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte(text)) + "\a")
}
