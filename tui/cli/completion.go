package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nasnet/checkpoints"
	"nasnet/dataset"
	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/setting"
	"nasnet/nas/space"
	"nasnet/tui"
)

const completionHelp = `Completion prints a script for your shell. It completes commands, flags and their
values: runs, trials (RUN/17), cells, presets, data sets, formats, choices of
settings, actions of ctl and topics of help.

  source <(nasnet completion bash)   in ~/.bashrc, needs package bash-completion
  source <(nasnet completion zsh)    in ~/.zshrc, after compinit
  nasnet completion fish | source    in ~/.config/fish/config.fish`

// kind is what completes one kind of word.
type kind struct {
	// names lists the words that begin with prefix; given are the arguments before it
	names func(a *app, given []string, prefix string) []cobra.Completion
	rest  cobra.ShellCompDirective // what the shell does when no name fits
}

const (
	noFiles = cobra.ShellCompDirectiveNoFileComp
	files   = cobra.ShellCompDirectiveDefault
	folders = cobra.ShellCompDirectiveFilterDirs
)

// kinds has a row for every word in a command's Use, such as RUN in "resume RUN", and for those in flagKinds.
var kinds = map[string]kind{
	"RUN":    {runNames, noFiles},
	"TRIAL":  {trialNames, noFiles},
	"CELL":   {cellNames, files},
	"MODEL":  {modelNames, files},
	"DATA":   {listed(dataset.Sources, func(s dataset.Source) (string, string) { return s.Name, s.Title }), noFiles},
	"PRESET": {listed(nas.Presets, func(p nas.Preset) (string, string) { return p.Name, p.Title }), noFiles},
	"TRAIN":  {listed(child.Presets, func(p child.Preset) (string, string) { return p.Name, p.Title }), noFiles},
	"FORMAT": {listed(forms, func(f form) (string, string) { return f.name, f.title }), noFiles},
	"OPS":    {listed(space.OpSets, func(s space.NamedOpSet) (string, string) { return s.Name, "" }), noFiles},
	"ORDER":  {listed(tui.TopOrders(), func(s string) (string, string) { return s, "" }), noFiles},
	"COST":   {listed(tui.TopCosts(), func(s string) (string, string) { return s, "" }), noFiles},
	"ACTION": {listed(append([]ctlAction{statusAction}, ctlActions...),
		func(x ctlAction) (string, string) { return x.name, x.help }), noFiles},
	"RUNG":    {rungSettings, noFiles},
	"TOPIC":   {topicNames, noFiles},
	"COMMAND": {commandNames, noFiles},
	"EXPORT":  {exportNames, files},
	"FILE":    {nil, files},
	"DIR":     {nil, folders},
	"IMAGE":   {nil, files},
	"TEXT":    {nil, noFiles},
	"N":       {nil, noFiles},

	"VECTORS.safetensors": {nil, files},
}

// flagKinds says which kind of word a flag has as its value. A row of a command, as "search preset", goes before that
// of all commands. The choices of a setting need no row.
var flagKinds = map[string]string{
	"by":            "ORDER",
	"cell":          "CELL",
	"cost-target":   "TEXT",
	"data":          "DATA|DIR",
	"data-dir":      "DIR",
	"filter":        "TEXT",
	"format":        "FORMAT",
	"from":          "MODEL",
	"front":         "COST",
	"memory":        "TEXT",
	"name":          "TEXT",
	"note":          "TEXT",
	"ops":           "OPS",
	"out":           "FILE",
	"export out":    "EXPORT",
	"preset":        "TRAIN",
	"nasnet preset": "PRESET",
	"search preset": "PRESET",
	"profile":       "FILE",
	"resume":        "FILE",
	"rung":          "RUNG",
	"store":         "DIR",
	"table":         "FILE",
	"trial":         "TRIAL",
	"trials":        "TRIAL",
}

// flagKind is the kind of a flag's value, empty if it has no row.
func flagKind(c *cobra.Command, flag string) string {
	if word, ok := flagKinds[c.Name()+" "+flag]; ok {
		return word
	}
	return flagKinds[flag]
}

// addCompletion adds nasnet completion and completes what each command takes.
func (a *app) addCompletion(root *cobra.Command) {
	root.SetCompletionCommandGroupID("Set up")
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Short, c.Long = "print the completion script of bash, zsh or fish",
				completionHelp
			c.Args, c.RunE = cobra.ArbitraryArgs, needsCommand
			for _, shell := range c.Commands() {
				if shell.Name() == "powershell" { // nasnet does not run on Windows
					c.RemoveCommand(shell)
				}
			}
		}
	}
	root.InitDefaultHelpCmd()
	a.commands = root
	a.completeAll(root)
}

// completeAll lets the shell complete the arguments and flags of a command and of those below it.
func (a *app) completeAll(c *cobra.Command) {
	if !c.HasSubCommands() {
		c.ValidArgsFunction = func(c *cobra.Command, given []string, prefix string) ([]cobra.Completion,
			cobra.ShellCompDirective) {
			return a.complete(argKind(c.Use, given), given, prefix)
		}
	}
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.NoOptDefVal != "" {
			return // its value is behind a "="
		}
		err := c.RegisterFlagCompletionFunc(f.Name, func(c *cobra.Command, given []string, prefix string) (
			[]cobra.Completion, cobra.ShellCompDirective) {
			if flagKind(c, f.Name) == "RUNG" && strings.Contains(prefix, "=") {
				return nil, noFiles // bash breaks words at "=", and would repeat what stands before it
			}
			return a.completeFlag(c, f, given, prefix)
		})
		if err != nil {
			panic(err) // the flag is registered twice
		}
	})
	for _, sub := range c.Commands() {
		a.completeAll(sub)
	}
}

// completeFlag lists the values of a flag that begin with prefix.
func (a *app) completeFlag(c *cobra.Command, f *pflag.Flag, given []string, prefix string) ([]cobra.Completion,
	cobra.ShellCompDirective) {
	if s, ok := f.Value.(*settingFlag); ok && s.choices != nil {
		return startingWith(s.choices(), prefix), noFiles
	}
	before := ""
	if f.Value.Type() == "stringSlice" {
		before = prefix[:strings.LastIndexByte(prefix, ',')+1]
	}
	list, directive := a.complete(flagKind(c, f.Name), given, prefix[len(before):])
	for i := range list {
		list[i] = before + list[i]
	}
	return list, directive
}

// argKind is the kind of the argument that follows those that are given, by a command's Use: "predict MODEL IMAGE…".
func argKind(use string, given []string) string {
	words := strings.Fields(use)[1:]
	if at := slices.Index(words, "ACTION"); at >= 0 && len(given) > at {
		i := slices.IndexFunc(ctlActions, func(x ctlAction) bool { return x.name == given[at] })
		if i < 0 {
			return ""
		}
		words = append(words[:at+1], strings.Fields(strings.ReplaceAll(ctlActions[i].args, "CELL", "TRIAL|CELL"))...)
	}
	for i, w := range words {
		w = strings.Trim(w, "[]")
		one := strings.TrimSuffix(strings.TrimSuffix(w, "…"), "...")
		if i == len(given) || i < len(given) && i == len(words)-1 && one != w {
			return one
		}
	}
	return ""
}

// complete lists the words of some kinds, as in "DATA|DIR", that begin with prefix. It reports no error: a shell would
// show it in the middle of the line.
func (a *app) complete(word string, given []string, prefix string) (list []cobra.Completion,
	directive cobra.ShellCompDirective) {
	directive = noFiles
	for _, w := range strings.Split(word, "|") {
		k, ok := kinds[w]
		if !ok {
			continue
		}
		if k.names != nil {
			list = append(list, k.names(a, given, prefix)...)
		}
		if k.rest != noFiles {
			directive = k.rest
		}
	}
	if len(list) == 0 {
		return nil, directive
	}
	if directive == folders { // the shell would look for folders within those of the list
		directive = files
	}
	directive |= cobra.ShellCompDirectiveKeepOrder
	if slices.ContainsFunc(list, func(c cobra.Completion) bool { return unfinished(nameOf(c)) }) {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return list, directive
}

// unfinished reports whether a word is the beginning of one: RUN/ or SETTING=.
func unfinished(name string) bool {
	return strings.HasSuffix(name, "/") || strings.HasSuffix(name, "=")
}

// nameOf is a completion without its description.
func nameOf(c cobra.Completion) string {
	name, _, _ := strings.Cut(c, "\t")
	return name
}

// listed completes the names of a table, which are shown with its titles.
func listed[T any](rows []T, row func(T) (name, title string)) func(*app, []string, string) []cobra.Completion {
	return func(_ *app, _ []string, prefix string) (list []cobra.Completion) {
		for _, r := range rows {
			if name, title := row(r); strings.HasPrefix(name, prefix) {
				list = append(list, cobra.CompletionWithDesc(name, title))
			}
		}
		return list
	}
}

func startingWith(names []string, prefix string) (list []cobra.Completion) {
	for _, n := range names {
		if strings.HasPrefix(n, prefix) {
			list = append(list, n)
		}
	}
	return list
}

func topicNames(a *app, given []string, prefix string) []cobra.Completion {
	if len(given) > 0 {
		return nil
	}
	return listed(topics, func(name string) (string, string) { return name, topicTitle(name) })(a, given, prefix)
}

// commandNames lists the commands below those that are given.
func commandNames(a *app, given []string, prefix string) (list []cobra.Completion) {
	c, rest, err := a.commands.Find(given)
	if err != nil || len(rest) > 0 {
		return nil
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), prefix) {
			list = append(list, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return list
}

// runNames lists the runs of the store. It opens none of them.
func runNames(a *app, _ []string, prefix string) (list []cobra.Completion) {
	entries, _ := os.ReadDir(string(a.store)) // without a store there are no runs
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, prefix) || nas.CheckName(name) != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(string(a.store), name, "run.db")); err == nil {
			list = append(list, name)
		}
	}
	return list
}

// maxTrials is how many trials a list shows, those with the highest rewards: a shell is slow with thousands.
const maxTrials = 100

// trialsOf lists trials of a run that begin with prefix.
func trialsOf(a *app, run, prefix string, fits func(checkpoints.Glimpse) bool) (list []cobra.Completion) {
	dir, err := a.store.runDir(run)
	if err != nil {
		return nil
	}
	trials, _ := checkpoints.Glance(dir) // what cannot be read is not completed
	for _, t := range trials {
		label := nas.TrialLabel(t.ID)
		if !strings.HasPrefix(label, prefix) || !fits(t) {
			continue
		}
		says := t.State
		if t.HasReward {
			says = fmt.Sprintf("%.4f", t.Reward)
		}
		if list = append(list, cobra.CompletionWithDesc(label, says)); len(list) == maxTrials {
			break
		}
	}
	return list
}

func anyTrial(checkpoints.Glimpse) bool { return true }

// trialNames lists the trials of the run that is the first argument.
func trialNames(a *app, given []string, prefix string) []cobra.Completion {
	if len(given) == 0 {
		return nil
	}
	return trialsOf(a, given[0], prefix, anyTrial)
}

// inRuns lists RUN/ of all runs, or RUN/TRIAL once there is a slash.
func inRuns(a *app, prefix string, fits func(checkpoints.Glimpse) bool) (list []cobra.Completion) {
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		for _, t := range trialsOf(a, prefix[:i], prefix[i+1:], fits) {
			list = append(list, prefix[:i+1]+t)
		}
		return list
	}
	for _, run := range runNames(a, nil, prefix) {
		list = append(list, run+"/")
	}
	return list
}

func cellNames(a *app, _ []string, prefix string) (list []cobra.Completion) {
	for _, k := range space.Known {
		if strings.HasPrefix(k.Name, prefix) {
			list = append(list, cobra.CompletionWithDesc(k.Name, k.Source))
		}
	}
	return append(list, inRuns(a, prefix, anyTrial)...)
}

// modelNames lists the trials that keep the weights of their networks.
func modelNames(a *app, _ []string, prefix string) []cobra.Completion {
	return inRuns(a, prefix, func(t checkpoints.Glimpse) bool { return t.Kind == string(nas.Retrained) && t.HasReward })
}

// rungSettings completes n=2,filters=16: the name of a setting, or one of its choices.
func rungSettings(_ *app, _ []string, prefix string) (list []cobra.Completion) {
	before := prefix[:strings.LastIndexByte(prefix, ',')+1]
	name, value, valued := strings.Cut(prefix[len(before):], "=")
	for _, r := range child.Settings.For(setting.Rung) {
		switch {
		case !valued && strings.HasPrefix(r.Name, name):
			list = append(list, cobra.CompletionWithDesc(before+r.Name+"=", r.Help))
		case valued && r.Name == name && r.Choices != nil:
			for _, c := range startingWith(r.Choices(), value) {
				list = append(list, before+name+"="+c)
			}
		}
	}
	return list
}

// exportNames completes the name of a file to export with the endings of the formats.
func exportNames(_ *app, _ []string, prefix string) (list []cobra.Completion) {
	base := filepath.Base(prefix)
	if prefix == "" || strings.HasSuffix(prefix, "/") {
		return nil
	}
	stem := prefix[:len(prefix)-len(filepath.Ext(base))]
	for _, f := range forms {
		if name := stem + f.ending; f.ending != "" && strings.HasPrefix(name, prefix) {
			list = append(list, cobra.CompletionWithDesc(name, f.title))
		}
	}
	return list
}
