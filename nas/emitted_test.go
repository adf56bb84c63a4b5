package nas

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every row of EventKinds is emitted somewhere, only with fields of the row, and always by its constant. The store
// cannot import the table, so it spells kinds and levels itself.
func TestTheProgramEmitsTheTable(t *testing.T) {
	names := constants(t)
	emitted := map[EventKind]bool{}
	for _, dir := range []string{"search", "record", "remote", "../tui", "../tui/cli", "../checkpoints"} {
		for _, f := range functions(t, dir) {
			m := emissions(f, names)
			for _, kind := range m.kinds {
				emitted[kind] = true
			}
			for _, kind := range m.spelled {
				// two words that other things share
				if dir != "../checkpoints" && kind != EpochEnded && kind != UserCommand {
					t.Errorf("%s: %s spells %s", dir, f.Name.Name, kind)
				}
			}
			for kind, level := range m.levels {
				if r, ok := kind.row(); !ok || level != r.Level && (level != "" || r.Level != Info) {
					t.Errorf("%s: the level of %s is %q; the table says %q", dir, kind, level, r.Level)
				}
			}
			for _, key := range m.keys {
				if len(m.kinds) > 0 && !slices.ContainsFunc(m.kinds, func(k EventKind) bool {
					r, _ := k.row()
					return slices.Contains(strings.Fields(r.Fields), key)
				}) {
					t.Errorf("%s: %s emits %s, which none of %v has", dir, f.Name.Name, key, m.kinds)
				}
			}
		}
	}
	for _, r := range EventKinds {
		if !emitted[r.Kind] {
			t.Errorf("%s is emitted nowhere", r.Kind)
		}
	}
	if len(names) != len(EventKinds) {
		t.Errorf("%d constants, %d rows", len(names), len(EventKinds))
	}
}

// emission is what a function does with events.
type emission struct {
	kinds   []EventKind          // emitted
	levels  map[EventKind]string // of the kinds it emits without the table
	keys    []string             // of its literal maps, and of its map d
	spelled []EventKind          // kinds written as string literals
}

func emissions(f *ast.FuncDecl, names map[string]EventKind) emission {
	m := emission{levels: map[EventKind]string{}}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr: // emit(nas.TrialFailed, …), Tell(ctx, nas.TerminalGone, …)
			if !slices.Contains([]string{"emit", "event", "log", "Tell"}, called(n)) {
				break
			}
			for _, arg := range n.Args[:min(2, len(n.Args))] {
				if s, ok := arg.(*ast.SelectorExpr); ok && names[s.Sel.Name] != "" {
					m.kinds = append(m.kinds, names[s.Sel.Name])
				}
			}
		case *ast.CompositeLit:
			if x, ok := n.Type.(*ast.MapType); ok && word(x.Key) == "string" && word(x.Value) == "any" {
				for _, e := range n.Elts {
					m.keys = append(m.keys, unquoted(e.(*ast.KeyValueExpr).Key))
				}
			}
			if kind := EventKind(member(n, "Kind")); kind != "" { // checkpoints.Event{Kind: "run_forked", …}
				if _, ok := kind.row(); ok || word(n.Type) == "Event" {
					m.kinds, m.levels[kind] = append(m.kinds, kind), member(n, "Level")
				}
			}
		case *ast.AssignStmt: // d["stack"] = …
			for _, left := range n.Lhs {
				if x, ok := left.(*ast.IndexExpr); ok && word(x.X) == "d" {
					m.keys = append(m.keys, unquoted(x.Index))
				}
			}
		case *ast.BasicLit:
			if _, ok := EventKind(unquoted(n)).row(); ok {
				m.spelled = append(m.spelled, EventKind(unquoted(n)))
			}
		}
		return true
	})
	return m
}

// constants returns the Go constants of the kinds.
func constants(t *testing.T) map[string]EventKind {
	src, err := os.ReadFile("events.go")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]EventKind{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+) +EventKind = "(\w+)"`).FindAllSubmatch(src, -1) {
		names[string(m[1])] = EventKind(m[2])
	}
	return names
}

// functions returns the functions of a package, without its tests.
func functions(t *testing.T, dir string) (fs []*ast.FuncDecl) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v", dir, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				fs = append(fs, d)
			}
		}
	}
	return fs
}

// word returns the name of an identifier, empty for anything else.
func word(x ast.Expr) string {
	if id, ok := x.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// unquoted returns the value of a string literal, empty for anything else.
func unquoted(x ast.Expr) string {
	if l, ok := x.(*ast.BasicLit); ok && l.Kind == token.STRING {
		s, _ := strconv.Unquote(l.Value) // the parser has read it
		return s
	}
	return ""
}

// called returns the name of the called function or method.
func called(c *ast.CallExpr) string {
	if s, ok := c.Fun.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return word(c.Fun)
}

// member returns the literal text of a field in a struct literal, empty for anything else.
func member(n *ast.CompositeLit, name string) string {
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && word(kv.Key) == name {
			return unquoted(kv.Value)
		}
	}
	return ""
}
