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
		Long: `Keys lists the interface's actions with their keys and where they work. The
output is itself a file that changes keys: put the lines you want to change into
$XDG_CONFIG_HOME/nasnet/keys.toml (default ~/.config/nasnet/keys.toml). Two
actions on one key in the same place are an error that names both lines.`,
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
	fmt.Fprintf(w, "# The keys of nasnet's interface. To change them, edit lines of this in %s.\n", keysPath())
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

// maxKeys limits the file of keys, in bytes; the whole table has 4 KiB.
const maxKeys = 64 << 10

// keysPath returns the path of the file that changes keys.
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

// loadKeys reads the user's keys for the interface.
func (a *app) loadKeys() (err error) {
	a.keys, err = readKeys()
	return err
}

// readKeys returns the keys, as changed by the user's file if there is one.
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
		return k, hinted{usageError{err}, "to go back to the built-in keys: " + shellLine("mv", path, path+".bad")}
	}
	return k, nil
}
