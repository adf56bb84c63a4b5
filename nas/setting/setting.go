// Package setting describes the settings of a type T as rows of a table. Flags, forms, validation, help, the names of
// rungs and the text of estimates all loop over this table, so a new setting is one row and the code that uses it.
// [Table.Give] puts what a person typed into a value, wherever they typed it.
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
	Search  Use = 1 << iota // nasnet search and fork: decides every child
	Train                   // nasnet train, ctl retrain, the retrain form
	Rung                    // a rung of a ladder
	Network                 // commands that build a network without training
	Images                  // decided by the data if there is any; Network commands ask for it
	Fork                    // what a fork of a live run may change
)

// Row is one setting of a T.
type Row[T any] struct {
	Name    string          // of the flag and the form field
	Key     string          // in JSON and errors; empty: Name
	Label   string          // in forms; empty: Name
	Unit    string          // of the number, for display
	Help    string          // of the flag
	Hint    string          // a few words beside the form field; empty: Unit
	Use     Use             // where it can be given
	Default string          // of the flag if nothing else decides; empty: the zero value
	First   bool            // shown first in a form, as one of the most used
	Zero    bool            // 0 means "none", which is stored as -1
	None    string          // the word for an empty text
	Choices func() []string // allowed texts; nil: any
	Range   Range           // allowed numbers
	Within  func(T) Range   // allowed numbers if they depend on other settings; replaces Range
	At      func(*T) any    // the setting's field: *int, *uint64, *float64, *bool, *string or a Value

	// what it resets, before anything else is set
	Resets func(v *T, text string)
	// what else it implies, once everything given has been set
	Then func(v *T, given func(name string) bool) error
}

// Value is a setting whose text depends on other settings.
type Value interface {
	String() string
	Set(text string) error
}

// Range is the numbers from Low to High, inclusive unless Above or Below is set.
type Range struct {
	Low, High    float64
	Above, Below bool // exclude Low, exclude High
	Where        string
}

// String describes the range: "1 to 200", "a number above 0".
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

// oneOf lists the allowed words.
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

// Title is the setting's name in a form.
func (r Row[T]) Title() string {
	if r.Label != "" {
		return r.Label
	}
	return r.Name
}

// Brief is the text beside the form field.
func (r Row[T]) Brief() string {
	if r.Hint != "" {
		return r.Hint
	}
	return r.Unit
}

// Type is the setting's type as flags name it: int, uint64, float64, bool or string.
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
	panic("setting: " + r.Name + " is of a type that no setting has")
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
	panic("setting: " + r.Name + " is of a type that no setting has")
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

// Set parses the setting from text. On an error, which says what was wanted, the value is unchanged. Check tests what
// depends on other settings.
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
			return errors.New("want a whole number of 0 or more")
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

// Check returns an error if the setting is invalid: its key, what was found, what was wanted.
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

// Table lists the settings of a T, in the order in which forms show them.
type Table[T any] []Row[T]

// For returns the rows with any of the uses.
func (t Table[T]) For(use Use) (rows Table[T]) {
	for _, r := range t {
		if r.Use&use != 0 {
			rows = append(rows, r)
		}
	}
	return rows
}

// Only returns the rows with the given names.
func (t Table[T]) Only(names ...string) (rows Table[T]) {
	for _, r := range t {
		if slices.Contains(names, r.Name) {
			rows = append(rows, r)
		}
	}
	return rows
}

// Named returns the row with the given name.
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

// Check returns the error of the first invalid setting.
func (t Table[T]) Check(v T) error {
	for _, r := range t {
		if err := r.Check(v); err != nil {
			return err
		}
	}
	return nil
}

// Give sets the settings that a person gave, by name, in any order. It ignores names of other tables.
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

// Differences lists the settings in which v differs from another value, as [Row.Text] writes them.
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

// Of turns the settings of a part into settings of the whole.
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
