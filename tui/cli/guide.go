package cli

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/charmbracelet/lipgloss"
	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
)

// The guide: one Markdown file per topic, readable on the web, in an editor and in a terminal. The first line is the
// title in the list of topics, then come the commands people need first. guide_test.go checks the rest of the form.
//
//go:embed guide/*.md
var guideFiles embed.FS

// topics names the topics in reading order: for people who search first, for people who change the program last.
var topics = []string{"search", "screens", "keys", "cells", "data", "train", "models", "ladder", "runs", "forks",
	"scripts", "costs", "reproducing", "speed", "measurements", "troubleshooting", "internals"}

// topicText returns a topic's Markdown.
func topicText(name string) string {
	b, err := guideFiles.ReadFile("guide/" + name + ".md")
	if err != nil {
		panic(err) // the table names a missing file; a test reads them all
	}
	return string(b)
}

// topicTitle returns a topic's line in the list of topics.
func topicTitle(name string) string {
	first, _, _ := strings.Cut(topicText(name), "\n")
	return strings.TrimPrefix(first, "# ")
}

// topicList returns the list of topics that nasnet help prints.
func topicList() string {
	var b strings.Builder
	for _, name := range topics {
		fmt.Fprintf(&b, "%-16s %s\n", name, topicTitle(name))
	}
	return b.String()
}

// overview returns the page of nasnet help: first commands, all commands, topics.
func overview(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString("# nasnet: " + root.Short + "\n\n```\n" +
		"nasnet                     search on built-in data, in this terminal\n" +
		"nasnet --fake              try the interface in seconds: nothing is trained\n" +
		"nasnet help search         read the guide from its start\n" +
		"nasnet COMMAND --help      flags; those of nasnet itself: nasnet search --help\n```\n")
	for _, g := range root.Groups() {
		b.WriteString("\n# " + g.Title + "\n\n```\n")
		for _, c := range root.Commands() {
			if c.GroupID == g.ID && c.IsAvailableCommand() {
				fmt.Fprintf(&b, "%-11s %s\n", c.Name(), c.Short)
			}
		}
		b.WriteString("```\n")
	}
	b.WriteString("\n# The guide: nasnet help TOPIC\n\n```\n" + topicList() + "```\n")
	b.WriteString("\n# Exit codes\n\n```\n" + exitCodeText() + "```\n")
	return b.String()
}

func helpCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "help [TOPIC|COMMAND...]", Short: "read the guide: nasnet help lists its topics",
		Long: `Help shows a topic of the guide, on a terminal in $PAGER or less. For a command
that is not a topic it shows the command's flags. Without an argument it lists
topics and commands.`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Root().Help()
			}
			if len(args) == 1 && slices.Contains(topics, args[0]) {
				return a.page(topicText(args[0]))
			}
			of, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 || of == c.Root() {
				return hinted{usagef("there is no topic or command %q", append(rest, args...)[0]),
					"to list them: nasnet help"}
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		}}
}

// page shows a topic in a pager on a terminal, else as plain text.
func (a *app) page(markdown string) error {
	if !a.interactive(false) {
		_, err := io.WriteString(a.Out, renderTopic(markdown, lipgloss.NewStyle(), lipgloss.NewStyle()))
		return err
	}
	r := lipgloss.NewRenderer(a.Out)
	text := renderTopic(markdown, r.NewStyle().Bold(true), r.NewStyle().Foreground(lipgloss.Color("6")))
	for _, pager := range []string{os.Getenv("PAGER"), "less", "more"} {
		if pager == "" {
			continue
		}
		if shown, err := a.pipeTo(pager, text); shown || err != nil {
			return err
		}
	}
	_, err := io.WriteString(a.Out, text)
	return err
}

// pipeTo shows the text in a pager; shown is false if the shell has no such command.
func (a *app) pipeTo(pager, text string) (shown bool, err error) {
	c := exec.Command("sh", "-c", pager)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(text), a.Out, io.Discard
	c.Env = os.Environ()
	if os.Getenv("LESS") == "" {
		c.Env = append(c.Env, "LESS=FRX") // end if it fits the screen, keep colours and the text: as git does
	}
	// An interrupt is for the pager, which shares the terminal: it must not leave the pager behind.
	signal.Stop(a.stop)
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	defer signal.Notify(a.stop, os.Interrupt, syscall.SIGTERM)
	err = c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		const notExecutable, notFound = 126, 127 // POSIX sh
		return exit.ExitCode() != notExecutable && exit.ExitCode() != notFound, nil
	}
	return err == nil, nil // without a shell there is no pager
}

var (
	guideLink   = regexp.MustCompile(`\[([^\]]+)\]\((?:[^)]+)\)`)
	guideTopic  = regexp.MustCompile(`\]\(([a-z]+)\.md\)`)
	guideQuoted = regexp.MustCompile("`([^`]+)`")
)

// renderTopic turns a topic into text for a terminal of 80 columns: headings and quoted words in their styles, code
// indented by two columns where they are there, links as their text, with the topics that they lead to at the end.
func renderTopic(markdown string, heading, quoted lipgloss.Style) string {
	var b strings.Builder
	var also []string
	var code []string
	inCode := false
	styled := func(s lipgloss.Style, text, plain string) string {
		if out := s.Render(text); out != text {
			return out
		}
		return plain
	}
	for l := range strings.SplitSeq(strings.TrimSuffix(markdown, "\n"), "\n") {
		switch {
		case strings.HasPrefix(l, "```") && inCode:
			inCode = false
			indent := "  "
			if slices.ContainsFunc(code, func(c string) bool { return ansi.StringWidth(c) > 80-len(indent) }) {
				indent = "" // of a screen
			}
			for _, c := range code {
				b.WriteString(strings.TrimRight(indent+c, " ") + "\n")
			}
			code = code[:0]
		case strings.HasPrefix(l, "```"):
			inCode = true
		case inCode:
			code = append(code, l)
		case strings.HasPrefix(l, "<!--"): // a mark for those who keep the guide
		case strings.HasPrefix(l, "#"):
			text := strings.TrimLeft(l, "# ")
			b.WriteString(styled(heading, text, text+"\n"+strings.Repeat("-", ansi.StringWidth(text))) + "\n")
		default:
			for _, m := range guideTopic.FindAllStringSubmatch(l, -1) {
				if !slices.Contains(also, m[1]) {
					also = append(also, m[1])
				}
			}
			l = guideLink.ReplaceAllString(l, "$1")
			l = guideQuoted.ReplaceAllStringFunc(l,
				func(q string) string { return styled(quoted, strings.Trim(q, "`"), q) })
			b.WriteString(l + "\n")
		}
	}
	if len(also) > 0 {
		b.WriteString("\nSee also:\n")
		for _, name := range also {
			b.WriteString("  nasnet help " + name + "\n")
		}
	}
	return b.String()
}
