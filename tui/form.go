package tui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"nasnet/nas/setting"
)

// field is one line of a form: text, or a choice made with the arrow keys.
type field struct {
	name, label string
	hint        string
	value       string // at the start, and after a reset
	choices     []string
	check       func(string) error // nil: any text
	input       lineEdit
}

// form is a list of fields with a cursor.
type form struct {
	fields []field
	at     int
	sent   bool // waiting for the answer to what it asked for
}

func newForm(fields ...field) form {
	f := form{fields: fields}
	for i := range f.fields {
		x := &f.fields[i]
		x.input = newLineEdit(x.value, 1000)
		if x.choices != nil && !slices.Contains(x.choices, x.value) {
			x.choices = append([]string{x.value}, x.choices...)
		}
	}
	return f
}

// get returns the text of a field.
func (f *form) get(name string) string {
	for i := range f.fields {
		if f.fields[i].name == name {
			return strings.TrimSpace(f.fields[i].input.value())
		}
	}
	panic("tui: form has no field " + name)
}

func (f *form) integer(name string) int {
	n, _ := strconv.Atoi(f.get(name))
	return n
}

func (f *form) yes(name string) bool { return f.get(name) == "yes" }

// set puts text into a field, which counts as changed if the text differs from the one at the start.
func (f *form) set(name, value string) {
	for i := range f.fields {
		if f.fields[i].name == name {
			f.fields[i].input.set(value)
		}
	}
}

func (f *form) changed(name string) bool {
	for i := range f.fields {
		if f.fields[i].name == name {
			return f.fields[i].changed()
		}
	}
	return false
}

// wrong returns the first field that fails its check, and why.
func (f *form) wrong() (int, error) {
	for i := range f.fields {
		if err := f.fields[i].error(); err != nil {
			return i, fmt.Errorf("%s: %w", f.fields[i].label, err)
		}
	}
	return -1, nil
}

func (x *field) error() error {
	if x.check == nil {
		return nil
	}
	return x.check(strings.TrimSpace(x.input.value()))
}

// changed reports whether the field differs from its value at the start.
func (x *field) changed() bool { return strings.TrimSpace(x.input.value()) != x.value }

// act moves the cursor and chooses. It returns false if the action is not one of the form's.
func (f *form) act(a action) bool {
	n := len(f.fields)
	switch a {
	case actUp:
		f.at = (f.at + n - 1) % n
	case actDown:
		f.at = (f.at + 1) % n
	case actLeft, actRight:
		x := &f.fields[f.at]
		if x.choices == nil {
			k := tea.KeyLeft
			if a == actRight {
				k = tea.KeyRight
			}
			x.input.press(tea.KeyMsg{Type: k})
			return true
		}
		i, m := slices.Index(x.choices, x.input.value()), len(x.choices)
		if a == actRight {
			i++
		} else if i--; i < 0 {
			i += m
		}
		x.input.set(x.choices[(i+m)%m])
	case actReset:
		for i := range f.fields {
			f.fields[i].input.set(f.fields[i].value)
		}
	default:
		return false
	}
	return true
}

// typed passes a key to the field under the cursor. Choices cannot be typed, unless the field has a check.
func (f *form) typed(msg tea.KeyMsg) {
	x := &f.fields[f.at]
	if x.choices != nil && x.check == nil {
		return
	}
	x.input.press(msg)
}

// lines draws the fields around the cursor that fit into h lines, and below them the hint or error of the current one.
func (f *form) lines(t theme, w, h int) []string {
	var out []string
	from, to := window(len(f.fields), max(1, h-2), f.at)
	for i := from; i < to; i++ {
		x := &f.fields[i]
		sign, value := "  ", t.clean(x.input.value())
		if i == f.at {
			sign = t.g.Cursor + " "
			if x.choices == nil || x.check != nil {
				value = x.input.view(t, 18)
			} else {
				value = t.selected.Render(value)
			}
		}
		if x.choices != nil {
			value = t.key.Render(t.g.Less) + " " + value + " " + t.key.Render(t.g.More)
		} else {
			value = "  " + value
		}
		label, room := fit(x.label, 14), w-40
		if i == f.at {
			label = t.bold.Render(label)
		}
		remark := ""
		if err := x.error(); err != nil {
			remark = t.bad.Render(t.cut("! "+t.clean(err.Error()), room))
		} else if was := "was " + t.clean(x.value); x.changed() && x.value != "" && ansi.StringWidth(was) <= room {
			remark = was
		} else if !x.changed() && ansi.StringWidth(t.clean(x.hint)) <= room {
			remark = t.clean(x.hint)
		}
		out = append(out, " "+sign+label+fit(value, 21)+" "+remark)
	}
	about := f.fields[f.at].hint
	if room := w - 40; ansi.StringWidth(t.clean(about)) <= room && !f.fields[f.at].changed() {
		about = "" // the hint is beside the field
	}
	if err := f.fields[f.at].error(); err != nil {
		about = err.Error()
	}
	more := ""
	switch above, below := from, len(f.fields)-to; {
	case above > 0 && below > 0:
		more = fmt.Sprintf("   %d more above, %d below", above, below)
	case above > 0:
		more = fmt.Sprintf("   %d more above", above)
	case below > 0:
		more = fmt.Sprintf("   %d more below", below)
	}
	return append(out, t.key.Render(more), "   "+t.cut(t.clean(about), max(0, w-4)))
}

// whole checks for an integer from lo to hi.
func whole(lo, hi int) func(string) error {
	return func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < lo || n > hi {
			return fmt.Errorf("want %d to %d", lo, hi)
		}
		return nil
	}
}

func natural(s string) error {
	if _, err := strconv.ParseUint(s, 10, 64); err != nil {
		return fmt.Errorf("want a whole number")
	}
	return nil
}

var noYes = []string{"no", "yes"}

// yesNo is how a field shows a bool.
var yesNo = map[string]string{"true": "yes", "false": "no"}

// settingField returns the field of a setting, with its value in v.
func settingField[T any](r setting.Row[T], v T) field {
	f := field{name: r.Name, label: r.Title(), value: r.Get(v), hint: r.Brief()}
	switch {
	case r.Type() == "bool":
		f.value, f.choices = yesNo[f.value], noYes
	case r.Choices != nil:
		f.choices = r.Choices()
	default:
		f.check = func(text string) error {
			to := v
			return r.Set(&to, text)
		}
	}
	return f
}

// giveSettings sets v's settings to what the fields say.
func giveSettings[T any](f *form, rows setting.Table[T], v *T) {
	texts := map[string]string{}
	for _, r := range rows {
		text := f.get(r.Name)
		if r.Type() == "bool" {
			text = fmt.Sprint(f.yes(r.Name))
		}
		if r.Then == nil || text != r.Get(*v) { // a setting's side effects apply only if it is changed
			texts[r.Name] = text
		}
	}
	_ = rows.Give(v, texts) // the fields report errors, and are checked before a command is sent
}
