package term

import "encoding/base64"

// Clipboard is the sequence (OSC 52) that gives a text to the clipboard of the terminal. Terminals that do not know or
// do not allow it ignore it.
func Clipboard(text string) []byte {
	return []byte("\x1b]52;c;" + base64.StdEncoding.EncodeToString([]byte(text)) + "\a")
}
