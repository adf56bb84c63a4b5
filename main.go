// Nasnet searches neural architectures the way NASNet did (arXiv 1707.07012) and lets a person steer the search from a
// terminal.
package main

import (
	"context"
	"os"

	"nasnet/tui/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
