package cli

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// didYouMean returns the command line with the word that err calls unknown replaced by the known one that it resembles;
// empty if there is none. The known words are those that the shell completes, see [kinds].
func (a *app) didYouMean(c *cobra.Command, line []string, err error) string {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "" {
		var flags []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				flags = append(flags, f.Name)
			}
		})
		name := unknown.GetSpecifiedName()
		return replaceWord(line, "--"+name, "--"+nearest(name, flags))
	}
	given := c.Flags().Args()
	if c.HasSubCommands() && len(given) > 0 {
		var names []string
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, sub.Name())
			}
		}
		if !c.HasParent() && slices.Contains(topics, given[0]) {
			return shellLine("nasnet", "help", given[0])
		}
		return replaceWord(line, given[0], nearest(given[0], names))
	}
	type completer func(prefix string) ([]cobra.Completion, cobra.ShellCompDirective)
	// try replaces a value if err quotes it, or a part of it as in RUN/17 and n=2,filters=16
	try := func(value string, complete completer) string {
		separate := func(r rune) bool { return strings.ContainsRune("/,=", r) }
		for _, part := range append([]string{value}, strings.FieldsFunc(value, separate)...) {
			at := strings.Index(value, part)
			var known []string
			list, _ := complete(value[:at])
			for _, x := range list {
				known = append(known, strings.TrimRight(nameOf(x)[at:], "/="))
			}
			if !strings.Contains(err.Error(), strconv.Quote(part)) || slices.Contains(known, part) {
				continue
			}
			if better := nearest(part, known); better != "" {
				return replaceWord(line, value, value[:at]+better+value[at+len(part):])
			}
		}
		return ""
	}
	tryFlag := func(f *pflag.Flag, value string) string {
		return try(value, func(prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return a.completeFlag(c, f, given, prefix)
		})
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return tryFlag(invalid.GetFlag(), invalid.GetValue())
	}
	for i, value := range given {
		better := try(value, func(prefix string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return a.complete(argKind(c.Use, given[:i]), given[:i], prefix)
		})
		if better != "" {
			return better
		}
	}
	better := ""
	c.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if s, ok := f.Value.(pflag.SliceValue); ok {
			values = s.GetSlice()
		}
		for _, value := range values {
			if better == "" {
				better = tryFlag(f, value)
			}
		}
	})
	return better
}

// replaceWord returns the command line with a word replaced, also as the value of --flag=word; empty if it is not there
// or the new word is nothing.
func replaceWord(line []string, old, word string) string {
	if strings.TrimPrefix(word, "--") == "" {
		return ""
	}
	line = slices.Clone(line)
	for i, w := range line {
		flag, value, ok := strings.Cut(w, "=")
		switch {
		case w == old:
			line[i] = word
		case ok && flag == old:
			line[i] = word + "=" + value
		case ok && value == old && strings.HasPrefix(flag, "--"):
			line[i] = flag + "=" + word
		default:
			continue
		}
		return shellLine(append([]string{"nasnet"}, line...)...)
	}
	return ""
}

// nearest returns the name that a person may have meant by a word: one that begins with it, or one that differs in a
// letter, in two if the word is long. Numbers and very short words mean nothing else.
func nearest(word string, names []string) (best string) {
	word = strings.ToLower(word)
	if _, err := strconv.Atoi(strings.TrimPrefix(word, "h")); err == nil || len(word) < 3 {
		return ""
	}
	least := 2
	if len(word) > 4 {
		least = 3
	}
	for _, n := range names {
		d := edits(word, strings.ToLower(n))
		if strings.HasPrefix(strings.ToLower(n), word) {
			d = min(d, 1)
		}
		if d < least {
			best, least = n, d
		}
	}
	return best
}

// edits is the number of letters to add, remove, replace or swap with the next to make a word another one: the optimal
// string alignment distance.
func edits(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, last := make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		now := make([]int, len(y)+1)
		now[0] = i
		for j := 1; j <= len(y); j++ {
			replaced := last[j-1]
			if x[i-1] != y[j-1] {
				replaced++
			}
			now[j] = min(last[j]+1, now[j-1]+1, replaced)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last = last, now
	}
	return last[len(y)]
}
