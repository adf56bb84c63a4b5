package tui

import (
	"fmt"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"nasnet/nas"
)

// footer is the line of keys of a scope, from the key table, as many as fit; the help key is always among them. Actions
// that cannot be done now are left out.
func (t theme) footer(keys keyTable, on scope, w int, but ...action) string {
	var parts []string
	last := ""
	for _, b := range keys {
		if b.on&on == 0 || b.short == "" || slices.Contains(but, b.do) {
			continue
		}
		k, _, _ := strings.Cut(t.shown(b), " ")
		s := t.key.Render(k) + " " + b.short
		if b.do == actHelp {
			last = s
			continue
		}
		parts = append(parts, s)
	}
	room := w - 1
	if last != "" {
		room -= ansi.StringWidth(last) + 2
	}
	var line strings.Builder
	used := 0
	for _, s := range parts {
		n := ansi.StringWidth(s) + 2
		if used+n > room+2 {
			continue
		}
		line.WriteString(s + "  ")
		used += n
	}
	return " " + line.String() + last
}

// newsLine is the newest events, as many as fit in w cells.
func (t theme) newsLine(s *nas.Snapshot, w int) string {
	line, used := "", 0
	for i := len(s.Events) - 1; i >= 0; i-- {
		e := s.Events[i]
		if e.Kind == "epoch" || e.Kind == "trial_proposed" {
			continue
		}
		text := e.Time.Local().Format("15:04:05") + "  " + t.event(e)
		n := ansi.StringWidth(text)
		if used > 0 && used+n+10 > w {
			break
		}
		style := t.plain
		switch e.Level {
		case "warn":
			style = t.warn
		case "error":
			style = t.bad
		}
		if used > 0 {
			line += strings.Repeat(" ", 10)
			used += 10
		}
		line += style.Render(t.cut(text, w-2))
		if used += n; used+40 > w {
			break
		}
	}
	return " " + line
}

// event tells an event in a line.
func (t theme) event(e nas.Event) string {
	text := func(k string) string { v, _ := e.Data[k].(string); return t.clean(v) }
	num := func(k string) float64 {
		switch v := e.Data[k].(type) {
		case float64:
			return v
		case int:
			return float64(v)
		case int64:
			return float64(v)
		}
		return 0
	}
	has := func(k string) bool { return e.Data[k] != nil }
	cell := text("cell")
	if len(cell) > 4 {
		cell = cell[:4]
	}
	who := "child " + nas.TrialLabel(e.Trial)
	dot := " " + t.g.Dot + " "
	switch e.Kind {
	case "run_started":
		return fmt.Sprintf("search started%s%s on %s%sseed %.0f", dot, text("strategy"), text("data"), dot, num("seed"))
	case "reward_by_cost":
		s := fmt.Sprintf("rewards weigh %s: target %g, exponent %g", text("by"), num("target"), num("weight"))
		if has("warning") {
			s += dot + text("warning")
		}
		return s
	case "run_finished":
		s := fmt.Sprintf("search %s after %.0f children", text("state"), num("finished"))
		if has("reward") {
			s += fmt.Sprintf("%sbest %s (%s)", dot, score(num("reward"), 4), cell)
		}
		return s
	case "run_paused":
		return "search paused: " + text("reason")
	case "trial_proposed":
		s := fmt.Sprintf("%s proposed%scell %s by policy %.0f", who, dot, cell, num("policy"))
		if has("repeat_of") {
			s += fmt.Sprintf("%sas child %.0f", dot, num("repeat_of"))
		}
		return s
	case "trial_started":
		return fmt.Sprintf("%s started%scell %s%s%s", who, dot, cell, dot, kind(nas.Kind(text("kind"))))
	case "epoch":
		return fmt.Sprintf("%s epoch %.0f/%.0f%sloss %s%sval %s", who, num("epoch"), num("epochs"), dot, number(num("train_loss")), dot, score(num("val_acc"), 4))
	case "trial_finished":
		s := fmt.Sprintf("%s done: %s", who, score(num("reward"), 4))
		if has("best_by") {
			s += ", new best by " + score(num("best_by"), 4)
		}
		if has("advantage") {
			s += fmt.Sprintf(" (%s over baseline)", signed(num("advantage")))
		}
		s += dot + "cell " + cell
		if has("repeat_of") {
			s += fmt.Sprintf("%srepeats child %.0f", dot, num("repeat_of"))
		}
		return s
	case "trial_failed":
		return fmt.Sprintf("%s %s: %s%scell %s", who, text("fail_kind"), text("error"), dot, cell)
	case "trial_stopped":
		return fmt.Sprintf("%s stopped by hand%scell %s", who, dot, cell)
	case "controller_update":
		return fmt.Sprintf("policy %.0f: mean %s, baseline %s, entropy %.1f nats, KL %.3f", num("version"), score(num("mean_reward"), 4), score(num("baseline"), 4),
			num("entropy"), num("kl"))
	case "user":
		if from := text("from"); from != "" {
			return from + ": " + text("message")
		}
		return "you: " + text("message")
	case "screen_attached", "screen_left", "control_taken", "terminal_gone":
		return text("message")
	case "weights_lost":
		return who + ": its weights could not be kept: " + text("error")
	}
	s := t.clean(e.Kind)
	if m := text("message"); m != "" {
		s += ": " + m
	}
	return s
}
