package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
)

func manCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "man DIR", Short: "write the manual pages, one for each command", Args: args("DIR"),
		Long: `Man writes nasnet.1, nasnet-search.1 and so on into DIR, which is
created if it does not exist. Pages with these names are replaced; other files
are left alone.

  nasnet man ~/.local/share/man/man1      then: man nasnet-search

The date on the pages is SOURCE_DATE_EPOCH if set, else the date of the
program's commit, so the same program always writes the same pages.`,
		RunE: func(c *cobra.Command, args []string) error {
			pages, err := manPages(c.Root(), os.Getenv("SOURCE_DATE_EPOCH"))
			if err != nil {
				return err
			}
			if err := writePages(args[0], pages); err != nil {
				return err
			}
			return a.print(map[string]any{"t": "man", "dir": args[0], "pages": len(pages)}, func(w io.Writer) {
				fmt.Fprintf(w, "%d pages in %s; read one with: man -l %s\n", len(pages), args[0],
					filepath.Join(args[0], "nasnet.1"))
			})
		}}
}

// manPage is a manual page: its file's name and its roff.
type manPage struct {
	name string
	roff []byte
}

// writePages writes all pages, or none if something other than a file has the name of a page.
func writePages(dir string, pages []manPage) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("man: %w", err)
	}
	for _, p := range pages {
		path := filepath.Join(dir, p.name)
		switch st, err := os.Lstat(path); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return fmt.Errorf("man: %w", err)
		case !st.Mode().IsRegular():
			return fmt.Errorf("man: %s is not a regular file; nothing was written", path)
		}
	}
	for _, p := range pages {
		if err := writeFile(filepath.Join(dir, p.name), p.roff, 0); err != nil {
			return fmt.Errorf("man: %w", err)
		}
	}
	return nil
}

// manPages returns the page of each command; it changes the texts of root and those below it. The date is that of
// epoch, in seconds since 1970, or else of the commit; without either the pages have none.
func manPages(root *cobra.Command, epoch string) (pages []manPage, err error) {
	_, date := commit()
	if epoch != "" {
		n, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return nil, usagef("man: SOURCE_DATE_EPOCH is %q; want seconds since 1970", epoch)
		}
		date = time.Unix(n, 0)
	}
	// The pages must not depend on the user's home.
	root.PersistentFlags().Lookup("store").DefValue = "~/.local/share/nasnet/runs"
	day := `""`
	if !date.IsZero() {
		day = date.UTC().Format(`"2006-01-02"`)
	}
	var add func(c *cobra.Command)
	add = func(c *cobra.Command) {
		var b bytes.Buffer
		utc := date.UTC()
		h := doc.GenManHeader{Section: "1", Date: &utc, Source: "nasnet " + version, Manual: "nasnet manual"}
		if err == nil {
			err = doc.GenMan(c, &h, &b)
		}
		roff := bytes.Replace(b.Bytes(), []byte(utc.Format(`"Jan 2006"`)), []byte(day), 1)
		roff = option.ReplaceAllFunc(roff, func(x []byte) []byte {
			m := option.FindSubmatch(x)
			return fmt.Appendf(nil, ".TP\n%s\n%s\n", noDefault.ReplaceAll(m[1], nil), m[2])
		})
		roff = notASCII.ReplaceAllFunc(roff, func(x []byte) []byte {
			return fmt.Appendf(nil, `\[u%04X]`, []rune(string(x))[0])
		})
		pages = append(pages, manPage{strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1", roff})
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				add(sub)
			}
		}
	}
	forMan(root)
	add(root)
	return pages, err
}

// What cobra writes of a flag is a paragraph with a tab in it, often with a default that says nothing.
var (
	option    = regexp.MustCompile(`(?m)^(?:\.PP\n)?(\\fB-.*)\n\t(.*)\n`)
	noDefault = regexp.MustCompile(`(\[=(false)?\]|=""|=)$`)
	notASCII  = regexp.MustCompile(`[^\x00-\x7f]`)
)

// forMan turns the texts of a command and those below it into the Markdown that cobra expects.
func forMan(c *cobra.Command) {
	c.Short, c.Long, c.DisableAutoGenTag = markdown(c.Short), markdown(c.Long), true
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		_, usage := pflag.UnquoteUsage(f)
		f.Usage = strings.ReplaceAll(markdown(usage), "\n", " ")
	})
	for _, sub := range c.Commands() {
		forMan(sub)
	}
}

// markdown escapes a text, in which indented lines are kept as they are.
func markdown(text string) string {
	escape := strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "<", `\<`, ">", `\>`, "[",
		`\[`, "]", `\]`)
	var out []string
	code := false
	for _, line := range strings.Split(strings.ReplaceAll(text, "\t", "  "), "\n") {
		indented := strings.HasPrefix(line, "  ")
		if indented != code && len(out) > 0 && out[len(out)-1] != "" {
			out = append(out, "")
		}
		if code = indented; code {
			line = "  " + line
		} else {
			line = escape.Replace(line)
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}
