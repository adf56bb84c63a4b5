//go:build ignore

// width prints file:line for every line of the named files that is over 120 columns, and fails if there is one. A tab
// takes 4 columns, any other character 1. Exempt are lines in a Go raw string that spans several lines, because a break
// would change its text; a shorter raw string can be cut in two.
package main

import (
	"fmt"
	"go/scanner"
	"go/token"
	"log"
	"os"
	"strings"
	"unicode/utf8"
)

const most = 120

func main() {
	log.SetFlags(0)
	failed := false
	for _, path := range os.Args[1:] {
		text, err := os.ReadFile(path)
		if err != nil {
			log.Fatal(err)
		}
		exempt := map[int]bool{}
		if strings.HasSuffix(path, ".go") {
			exempt = rawLines(text)
		}
		for i, line := range strings.Split(string(text), "\n") {
			columns := utf8.RuneCountInString(line) + 3*strings.Count(line, "\t")
			if columns > most && !exempt[i+1] {
				fmt.Printf("%s:%d: %d columns, want at most %d\n", path, i+1, columns, most)
				failed = true
			}
		}
	}
	if failed {
		os.Exit(1)
	}
}

// rawLines returns the lines of Go source that have a part of a raw string of several lines.
func rawLines(source []byte) map[int]bool {
	lines := map[int]bool{}
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(source))
	s.Init(file, source, nil, 0)
	for {
		pos, kind, literal := s.Scan()
		if kind == token.EOF {
			return lines
		}
		if n := strings.Count(literal, "\n"); kind == token.STRING && n > 0 {
			for i := range n + 1 {
				lines[file.PositionFor(pos, false).Line+i] = true
			}
		}
	}
}
