package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"nasnet/nas"
	"nasnet/nas/fake"
	"nasnet/nas/kernel"
)

// version is the release that this source will become; see CHANGELOG.md.
const version = "0.1.0"

// commit returns the commit that the program was built from, "" if the build did not record it, and its date.
func commit() (revision string, at time.Time) {
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return "", at
	}
	changed := ""
	for _, s := range b.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.time":
			at, _ = time.Parse(time.RFC3339, s.Value) // the go command writes it in this form
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = "+changes"
		}
	}
	return revision[:min(12, len(revision))] + changed, at
}

func versionText() string {
	text := "nasnet " + version
	if revision, at := commit(); revision != "" {
		text += fmt.Sprintf(", commit %s of %s", revision, at.UTC().Format(time.DateOnly))
	}
	return fmt.Sprintf("%s, %s, %s/%s, %s kernels", text, runtime.Version(), runtime.GOOS, runtime.GOARCH,
		kernel.Arch())
}

// buildInfo describes the program as JSON; runs record it.
func buildInfo() []byte {
	m := map[string]string{"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
		"kernels": kernel.Arch()}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			switch s.Key {
			case "vcs.revision", "vcs.time", "vcs.modified", "GOAMD64":
				m[s.Key] = s.Value
			}
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // a map of strings always marshals
	}
	return b
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "print the version, the build and the kernels in use", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.print(json.RawMessage(buildInfo()), func(w io.Writer) { fmt.Fprintln(w, versionText()) })
		}}
}

// fakeEvaluator is for --fake: about a second per child.
func fakeEvaluator() nas.Evaluator { return fake.Evaluator{Steps: 20, Pace: 20 * time.Millisecond} }
