// Package setting describes what can be set of a value of type T as the rows of a table. Flags, forms, validation,
// help, the names of rungs and the text of estimates all loop over such a table, so that a new setting is one row and
// the code that uses it. What a person gave is put into a value by [Table.Give], wherever it was given.
package setting

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Use is where a setting can be given.
type Use int

// The uses. A row may have several.
const (
	Search  Use = 1 << iota // nasnet search and fork: it decides every child
	Train                   // nasnet train, ctl retrain, the retrain form
	Rung                    // a rung of a ladder
	Network                 // commands that build a network and train nothing
	Images                  // decided by the data where there are some; Network commands ask for it
	Fork                    // what a fork of a live run may change
)

// Row is one setting of a T.
type Row[T any] struct {
	Name    string          // of the flag and of the field of a form
	Key     string          // in JSON and in errors; empty: Name
	Label   string          // in forms; empty: Name
	Unit    string          // of the number, for people
	Help    string          // of the flag
	Hint    string          // a few words beside the field of a form; empty: Unit
	Use     Use             // where it can be given
	Default string          // of the flag where nothing else decides; empty: the zero value
	First   bool            // one of the most wanted, which stand first in a form
	Zero    bool            // a 0 stands for "none", which the value holds as -1
	None    string          // the word for a text that is empty
	Choices func() []string // of a text; nil: any
	Range   Range           // of a number
	Within  func(T) Range   // of a number whose range depends on other settings, in place of Range
	At      func(*T) any    // where the setting is: *int, *uint64, *float64, *bool, *string or a Value

	// what the setting resets when it is given, before anything else is set
	Resets func(v *T, text string)
	// what giving it means besides, when all that was given is set
	Then func(v *T, given func(name string) bool) error
}

// Value is a setting whose text depends on other settings.
type Value interface {
	String() string
	Set(text string) error
}

// Range is the numbers from Low to High; the ends belong to it unless Above or Below says otherwise.
type Range struct {
	Low, High    float64
	Above, Below bool // Low itself, High itself is outside
	Where        string
}

// String says what is wanted: "1 to 200", "a number above 0".
func (r Range) String() string {
	low, high := decimal(r.Low), decimal(r.High)
	switch {
	case r.Above && math.IsInf(r.High, 1):
		return "a number above " + low + r.Where
	case r.Above:
		return "more than " + low + " and at most " + high + r.Where
	case r.Below:
		return low + " or more and less than " + high + r.Where
	}
	return low + " to " + high + r.Where
}

// decimal writes a number without an exponent, unless it is very large.
func decimal(x float64) string {
	if math.Abs(x) < 1e15 {
		return strconv.FormatFloat(x, 'f', -1, 64)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

// Has reports whether a number is in the range.
func (r Range) Has(x float64) bool {
	return x >= r.Low && x <= r.High && !(r.Above && x == r.Low) && !(r.Below && x == r.High) && !math.IsInf(x, 0)
}

// oneOf says which of some words are wanted.
func oneOf(names []string) string {
	if len(names) == 2 {
		return names[0] + " or " + names[1]
	}
	return "one of " + strings.Join(names, ", ")
}

func (r Row[T]) key() string {
	if r.Key != "" {
		return r.Key
	}
	return r.Name
}

// Title is what a form calls the setting.
func (r Row[T]) Title() string {
	if r.Label != "" {
		return r.Label
	}
	return r.Name
}

// Brief is the few words beside the field of a form.
func (r Row[T]) Brief() string {
	if r.Hint != "" {
		return r.Hint
	}
	return r.Unit
}

// Type is the type of the setting as flags name it: int, uint64, float64, bool or string.
func (r Row[T]) Type() string {
	switch r.At(new(T)).(type) {
	case *int:
		return "int"
	case *uint64:
		return "uint64"
	case *float64:
		return "float64"
	case *bool:
		return "bool"
	case *string, Value:
		return "string"
	}
	panic("setting: " + r.Name + " has no type of a setting")
}

// Get returns the setting as text.
func (r Row[T]) Get(v T) string {
	switch p := r.At(&v).(type) {
	case *int:
		return strconv.Itoa(*p)
	case *uint64:
		return strconv.FormatUint(*p, 10)
	case *float64:
		if r.Zero && *p < 0 {
			return "0"
		}
		return strconv.FormatFloat(*p, 'g', -1, 64)
	case *bool:
		return strconv.FormatBool(*p)
	case *string:
		if *p == "" {
			return r.None
		}
		return *p
	case Value:
		return p.String()
	}
	panic("setting: " + r.Name + " has no type of a setting")
}

// Text names the setting with its value: "lr 0.05", "whiten", "no whiten".
func (r Row[T]) Text(v T) string {
	switch x := r.Get(v); {
	case r.Type() != "bool":
		return r.Title() + " " + x
	case x == "true":
		return r.Title()
	}
	return "no " + r.Title()
}

// Set reads the setting from text. The error says what is wanted; the value is then as it was. What depends on other
// settings is left to Check.
func (r Row[T]) Set(v *T, text string) error {
	switch p := r.At(v).(type) {
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil || !r.Range.Has(float64(n)) {
			return fmt.Errorf("want %s", r.Range)
		}
		*p = n
	case *uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return errors.New("want a whole number from 0")
		}
		*p = n
	case *float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || !r.Range.Has(x) {
			return fmt.Errorf("want %s", r.Range)
		}
		if r.Zero && x == 0 {
			x = -1
		}
		*p = x
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("want true or false")
		}
		*p = b
	case *string:
		switch {
		case r.None != "" && text == r.None:
			text = ""
		case r.Choices != nil && !slices.Contains(r.Choices(), text):
			names := slices.Clone(r.Choices())
			if r.None != "" {
				names = append(names, r.None)
			}
			return errors.New("want " + oneOf(names))
		}
		*p = text
	case Value:
		return p.Set(text)
	}
	return nil
}

// Check says what is wrong with the setting: its key, what was found and what was wanted.
func (r Row[T]) Check(v T) error {
	in := r.Range
	if r.Within != nil {
		in = r.Within(v)
	}
	switch p := r.At(&v).(type) {
	case *int:
		if !in.Has(float64(*p)) {
			return fmt.Errorf("%s is %d; want %s", r.key(), *p, in)
		}
	case *float64:
		if !in.Has(*p) && !(r.Zero && *p < 0 && !math.IsInf(*p, -1)) {
			return fmt.Errorf("%s is %v; want %s", r.key(), *p, in)
		}
	case *string:
		if r.Choices != nil && !slices.Contains(r.Choices(), *p) && !(r.None != "" && *p == "") {
			return fmt.Errorf("%s is %.40q; want %s", r.key(), *p, oneOf(r.Choices()))
		}
	}
	return nil
}

// Table is the settings of a T, in the order in which forms show them.
type Table[T any] []Row[T]

// For returns the rows of any of the uses.
func (t Table[T]) For(use Use) (rows Table[T]) {
	for _, r := range t {
		if r.Use&use != 0 {
			rows = append(rows, r)
		}
	}
	return rows
}

// Only returns the rows of some names.
func (t Table[T]) Only(names ...string) (rows Table[T]) {
	for _, r := range t {
		if slices.Contains(names, r.Name) {
			rows = append(rows, r)
		}
	}
	return rows
}

// Named returns the row of a name.
func (t Table[T]) Named(name string) (r Row[T], ok bool) {
	i := slices.IndexFunc(t, func(r Row[T]) bool { return r.Name == name })
	if i < 0 {
		return r, false
	}
	return t[i], true
}

// Names returns the names of the rows.
func (t Table[T]) Names() (names []string) {
	for _, r := range t {
		names = append(names, r.Name)
	}
	return names
}

// Check returns the first thing that is wrong with a value.
func (t Table[T]) Check(v T) error {
	for _, r := range t {
		if err := r.Check(v); err != nil {
			return err
		}
	}
	return nil
}

// Give sets what a person gave, by name; names of other tables are ignored. The order in which it was given does not
// matter.
func (t Table[T]) Give(v *T, texts map[string]string) error {
	given := func(name string) bool { _, ok := texts[name]; return ok }
	for _, r := range t {
		if r.Resets != nil && given(r.Name) {
			r.Resets(v, texts[r.Name])
		}
	}
	for _, r := range t {
		if given(r.Name) {
			if err := r.Set(v, texts[r.Name]); err != nil {
				return fmt.Errorf("%s %.40q; %w", r.Name, texts[r.Name], err)
			}
		}
	}
	for _, r := range t {
		if r.Then != nil && given(r.Name) {
			if err := r.Then(v, given); err != nil {
				return err
			}
		}
	}
	return nil
}

// Differences lists the settings in which a value differs from another, as [Row.Text] writes them.
func (t Table[T]) Differences(v, from T) (out []string) {
	for _, r := range t {
		if r.Get(v) != r.Get(from) {
			out = append(out, r.Text(v))
		}
	}
	return out
}

// Defaults sets every setting to the default of its flag.
func (t Table[T]) Defaults(v *T) {
	for _, r := range t {
		if r.Default == "" {
			continue
		}
		if err := r.Set(v, r.Default); err != nil {
			panic(fmt.Sprintf("setting: %s: default %q: %v", r.Name, r.Default, err))
		}
	}
}

// Of makes the settings of a part those of the whole.
func Of[T, P any](t Table[P], part func(*T) *P) (rows Table[T]) {
	for _, r := range t {
		w := Row[T]{Name: r.Name, Key: r.Key, Label: r.Label, Unit: r.Unit, Help: r.Help, Hint: r.Hint, Use: r.Use,
			Default: r.Default, First: r.First,
			Zero: r.Zero, None: r.None, Choices: r.Choices, Range: r.Range, At: func(v *T) any { return r.At(part(v)) }}
		if r.Within != nil {
			w.Within = func(v T) Range { return r.Within(*part(&v)) }
		}
		if r.Resets != nil {
			w.Resets = func(v *T, text string) { r.Resets(part(v), text) }
		}
		if r.Then != nil {
			w.Then = func(v *T, given func(string) bool) error { return r.Then(part(v), given) }
		}
		rows = append(rows, w)
	}
	return rows
}
