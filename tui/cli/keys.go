package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"nasnet/tui"
)

func keysCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "keys", Short: "list the keys; the output is a file that changes them",
		Args: noArgs,
		Long: "Keys lists every key of the interface: its action's name, the keys, and where they work. What it " +
			"prints is a file that changes keys: keep the lines\n" +
			"that you change in $XDG_CONFIG_HOME/nasnet/keys.toml (or ~/.config/nasnet/keys.toml). A key that would " +
			"mean two things in one place is an error\n" +
			"that names both lines.",
		RunE: func(*cobra.Command, []string) error {
			k, err := readKeys()
			if err != nil {
				return err
			}
			rows := k.Rows()
			return a.print(rows, func(w io.Writer) { printKeys(w, rows) })
		}}
}

// printKeys writes the table as a file that [tui.ReadKeys] reads.
func printKeys(w io.Writer, rows []tui.KeyRow) {
	fmt.Fprintf(w, "# Keys of nasnet's interface. Kept in %s, this changes them.\n", keysPath())
	group := ""
	for _, r := range rows {
		if r.Group != group {
			group = r.Group
			fmt.Fprintf(w, "\n# %s\n", group)
		}
		var ks []string
		for _, k := range r.Keys {
			ks = append(ks, tui.QuoteKey(k))
		}
		value := strings.Join(ks, ", ")
		if len(ks) != 1 {
			value = "[" + value + "]"
		}
		changed := ""
		if r.Changed {
			changed = " (changed)"
		}
		fmt.Fprintf(w, "%-46s # %s%s: %s\n", r.Name+" = "+value, r.Does, changed, strings.Join(r.Places, ", "))
	}
}

// maxKeys is the largest file of keys, in bytes; the whole table has 4 KiB.
const maxKeys = 64 << 10

// keysPath is the file that changes keys.
func keysPath() string {
	base := os.Getenv("XDG_CONFIG_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		base = filepath.Join(home, ".config")
	}
	return filepath.Join(base, "nasnet", "keys.toml")
}

// loadKeys takes the keys of the user for an interface that is about to be shown.
func (a *app) loadKeys() (err error) {
	a.keys, err = readKeys()
	return err
}

// readKeys is the key table of the user: that of the file, if there is one.
func readKeys() (tui.Keys, error) {
	path := keysPath()
	if path == "" {
		return tui.Keys{}, nil
	}
	b, err := readFile(path, maxKeys)
	if errors.Is(err, fs.ErrNotExist) {
		return tui.Keys{}, nil
	}
	if err != nil {
		return tui.Keys{}, fmt.Errorf("keys: %w", err)
	}
	k, err := tui.ReadKeys(path, b)
	if err != nil {
		return k, hinted{usageError{err}, "nasnet keys lists the actions and their keys, once the file is mended or " +
			"moved away"}
	}
	return k, nil
}
