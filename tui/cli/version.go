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

// version is the release that this source becomes; see CHANGELOG.md.
const version = "0.1.0"

func versionText() string {
	return fmt.Sprintf("nasnet %s, %s, %s/%s, %s kernels", version, runtime.Version(), runtime.GOOS, runtime.GOARCH,
		kernel.Arch())
}

// buildInfo describes the program for the record of a run.
func buildInfo() []byte {
	m := map[string]string{"version": version, "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
		"kernels": kernel.Arch()}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" || s.Key == "vcs.modified" || s.Key == "GOAMD64" {
				m[s.Key] = s.Value
			}
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		panic(err) // a map of strings always has a JSON form
	}
	return b
}

func versionCommand(a *app) *cobra.Command {
	return &cobra.Command{Use: "version", Short: "print the version, the build and the kernels in use", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.print(json.RawMessage(buildInfo()), func(w io.Writer) { fmt.Fprintln(w, versionText()) })
		}}
}

// fakeEvaluator is behind --fake: about a second a child.
func fakeEvaluator() nas.Evaluator { return fake.Evaluator{Steps: 20, Pace: 20 * time.Millisecond} }
