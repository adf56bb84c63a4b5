package cli

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"nasnet": func() {
			os.Exit(Main(context.Background(), os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
		},
	})
}

// The scripts run the real program: each command line of the README that is quick enough, and the mistakes people make.
func TestCommands(t *testing.T) {
	vectors, err := filepath.Abs("../../nas/child/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("XDG_DATA_HOME", e.WorkDir)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("VECTORS", vectors)
			return nil
		},
	})
}
