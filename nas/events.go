package nas

import (
	"fmt"
	"strings"
	"time"
)

// EventKind is the stable name of a kind of event.
type EventKind string

// The kinds of events. [EventKinds] says what each carries and how it reads.
const (
	RunStarted       EventKind = "run_started"
	RunPaused        EventKind = "run_paused"
	RunFinished      EventKind = "run_finished"
	RewardByCost     EventKind = "reward_by_cost"
	MixedBuilds      EventKind = "mixed_builds"
	PolicyRebuilt    EventKind = "policy_rebuilt"
	SweepFailed      EventKind = "sweep_failed"
	TrialProposed    EventKind = "trial_proposed"
	TrialStarted     EventKind = "trial_started"
	TrialWaits       EventKind = "trial_waits"
	EpochEnded       EventKind = "epoch"
	CheckpointFailed EventKind = "checkpoint_failed"
	CheckpointLost   EventKind = "checkpoint_lost"
	TrialFinished    EventKind = "trial_finished"
	TrialFailed      EventKind = "trial_failed"
	TrialStopped     EventKind = "trial_stopped"
	TrialStalled     EventKind = "trial_stalled"
	TrialLeftBehind  EventKind = "trial_left_behind"
	WeightsLost      EventKind = "weights_lost"
	ControllerUpdate EventKind = "controller_update"
	DiskFull         EventKind = "disk_full"
	DiskWaited       EventKind = "disk_waited"
	UserCommand      EventKind = "user"
	ScreenAttached   EventKind = "screen_attached"
	ScreenLeft       EventKind = "screen_left"
	ControlTaken     EventKind = "control_taken"
	TerminalGone     EventKind = "terminal_gone"
)

// Levels of events.
const (
	Info  = "info"
	Warn  = "warn"
	Error = "error"
)

// EventRow is one kind of event.
type EventRow struct {
	Kind   EventKind
	Level  string
	Fields string // names of what Data may hold, one space between them
	Common bool   // too many to tell as news: the log has them
	// Sentence tells the event to a person, in parts that a screen sets apart. It copes with fields that are missing or of
	// another type, as in runs of other builds.
	Sentence func(Event) []string
}

// EventKinds is the table of events: what [NewEvent] makes, what JSON lines carry, and how the log and the footer read.
var EventKinds = []EventRow{
	{Kind: RunStarted, Level: Info, Fields: "children finished workers strategy data seed dir", Sentence: func(e Event) []string {
		return []string{"search started", e.text("strategy") + " on " + e.text("data"), fmt.Sprintf("seed %.0f", e.number("seed"))}
	}},
	{Kind: RunPaused, Level: Error, Fields: "reason", Sentence: func(e Event) []string {
		return []string{"search paused: " + e.text("reason")}
	}},
	{Kind: RunFinished, Level: Info, Fields: "state finished failed updates seconds best reward cell", Sentence: func(e Event) []string {
		s := []string{fmt.Sprintf("search %s after %s", e.text("state"), FormatCount(int(e.number("finished")), "child", "children"))}
		if e.has("reward") {
			s = append(s, fmt.Sprintf("best %s (%s)", e.score("reward"), e.cell()))
		}
		return s
	}},
	{Kind: RewardByCost, Level: Info, Fields: "by target weight warning", Sentence: func(e Event) []string {
		s := []string{fmt.Sprintf("rewards weigh %s: target %g, exponent %g", e.text("by"), e.number("target"), e.number("weight"))}
		if e.has("warning") {
			s = append(s, e.text("warning"))
		}
		return s
	}},
	{Kind: MixedBuilds, Level: Warn, Fields: "this before message", Sentence: Event.message},
	{Kind: PolicyRebuilt, Level: Warn, Fields: "version", Sentence: func(e Event) []string {
		return []string{fmt.Sprintf("policy %.0f was missing or damaged, and was made again from the stored rewards", e.number("version"))}
	}},
	{Kind: SweepFailed, Level: Warn, Fields: "error", Sentence: func(e Event) []string {
		return []string{"files that a killed process left could not be removed: " + e.text("error")}
	}},
	{Kind: TrialProposed, Level: Info, Fields: "cell kind batch policy genotype repeat_of", Common: true, Sentence: func(e Event) []string {
		s := []string{e.child() + " proposed", fmt.Sprintf("cell %s by policy %.0f", e.cell(), e.number("policy"))}
		if Kind(e.text("kind")) == Random {
			s[1] = fmt.Sprintf("cell %s, %s", e.cell(), Random.Word())
		}
		if e.has("repeat_of") {
			s = append(s, fmt.Sprintf("as child %.0f", e.number("repeat_of")))
		}
		return s
	}},
	{Kind: TrialStarted, Level: Info, Fields: "cell kind attempt after_epoch", Sentence: func(e Event) []string {
		return []string{e.child() + " started", "cell " + e.cell(), Kind(e.text("kind")).Word()}
	}},
	{Kind: TrialWaits, Level: Info, Fields: "cell bytes free limit", Sentence: func(e Event) []string {
		return []string{fmt.Sprintf("%s waits for %s of memory; %s of %s are free", e.child(), e.bytes("bytes"), e.bytes("free"), e.bytes("limit"))}
	}},
	{Kind: EpochEnded, Level: Info, Fields: "epoch epochs lr keep train_loss train_acc val_loss val_acc seconds cell", Common: true, Sentence: func(e Event) []string {
		return []string{fmt.Sprintf("%s epoch %.0f/%.0f", e.child(), e.number("epoch"), e.number("epochs")), "loss " + FormatNumber(e.number("train_loss")),
			"val " + e.score("val_acc")}
	}},
	{Kind: CheckpointFailed, Level: Warn, Fields: "epoch cell error", Sentence: func(e Event) []string {
		return []string{fmt.Sprintf("%s: its state after epoch %.0f could not be kept: %s", e.child(), e.number("epoch"), e.text("error"))}
	}},
	{Kind: CheckpointLost, Level: Warn, Fields: "epoch cell error", Sentence: func(e Event) []string {
		return []string{fmt.Sprintf("%s begins again: its state after epoch %.0f cannot be read: %s", e.child(), e.number("epoch"), e.text("error"))}
	}},
	{Kind: TrialFinished, Level: Info, Fields: "reward cell kind params madds seconds latency_ms accuracy repeat_of weights shared_from advantage best_by", Sentence: func(e Event) []string {
		s := e.child() + " done: " + e.score("reward")
		if e.has("best_by") {
			s += ", new best by " + e.score("best_by")
		}
		if e.has("advantage") {
			s += fmt.Sprintf(" (%s over baseline)", FormatSigned(e.number("advantage")))
		}
		parts := []string{s, "cell " + e.cell()}
		if e.has("repeat_of") {
			parts = append(parts, fmt.Sprintf("repeats child %.0f", e.number("repeat_of")))
		}
		return parts
	}},
	{Kind: TrialFailed, Level: Warn, Fields: "fail_kind error cell kind stack", Sentence: func(e Event) []string {
		return []string{fmt.Sprintf("%s %s: %s", e.child(), e.text("fail_kind"), e.text("error")), "cell " + e.cell()}
	}},
	{Kind: TrialStopped, Level: Info, Fields: "cell kind", Sentence: func(e Event) []string {
		return []string{e.child() + " stopped by hand", "cell " + e.cell()}
	}},
	{Kind: TrialStalled, Level: Warn, Fields: "cell seconds", Sentence: func(e Event) []string {
		return []string{fmt.Sprintf("%s made no step for %s and is told to end", e.child(), e.time("seconds"))}
	}},
	{Kind: TrialLeftBehind, Level: Warn, Fields: "cell seconds", Sentence: func(e Event) []string {
		return []string{fmt.Sprintf("%s did not end within %s of the search's end; it goes on from its last checkpoint at resume", e.child(), e.time("seconds"))}
	}},
	{Kind: WeightsLost, Level: Error, Fields: "error", Sentence: func(e Event) []string {
		return []string{e.child() + ": its weights could not be kept: " + e.text("error")}
	}},
	{Kind: ControllerUpdate, Level: Info, Fields: "version samples mean_reward max_reward baseline entropy max_entropy kl clip_fraction grad_norm " +
		"verdict claim gain gain_low gain_high random_mean randoms", Sentence: func(e Event) []string {
		return []string{fmt.Sprintf("policy %.0f: mean %s, baseline %s, entropy %.1f nats, KL %.3f", e.number("version"), e.score("mean_reward"), e.score("baseline"),
			e.number("entropy"), e.number("kl"))}
	}},
	{Kind: DiskFull, Level: Error, Fields: "need free error", Sentence: func(e Event) []string {
		return []string{fmt.Sprintf("the disk is full: %s needed, %s free; the search waits for room", e.bytes("need"), e.bytes("free"))}
	}},
	{Kind: DiskWaited, Level: Warn, Fields: "seconds", Sentence: func(e Event) []string {
		return []string{"the disk has room again; the search waited " + e.time("seconds")}
	}},
	{Kind: UserCommand, Level: Info, Fields: "do message from", Sentence: func(e Event) []string {
		who := "you"
		if from := e.text("from"); from != "" {
			who = from
		}
		return []string{who + ": " + e.text("message")}
	}},
	{Kind: ScreenAttached, Level: Info, Fields: "message", Sentence: Event.message},
	{Kind: ScreenLeft, Level: Info, Fields: "message", Sentence: Event.message},
	{Kind: ControlTaken, Level: Info, Fields: "message", Sentence: Event.message},
	{Kind: TerminalGone, Level: Info, Fields: "message", Sentence: Event.message},
}

// row returns the row of a kind; ok is false for the kinds of other builds.
func (k EventKind) row() (r EventRow, ok bool) {
	for _, r := range EventKinds {
		if r.Kind == k {
			return r, true
		}
	}
	return r, false
}

// Common reports whether there are too many events of the kind to tell them as news.
func (k EventKind) Common() bool {
	r, _ := k.row()
	return r.Common
}

// NewEvent returns an event of a kind with the level of its row. It panics if the kind has no row, or no such field.
func NewEvent(at time.Time, run string, kind EventKind, trial int, data map[string]any) Event {
	r, ok := kind.row()
	if !ok {
		panic(fmt.Sprintf("nas: there is no kind of event %q", kind))
	}
	for name := range data {
		if !strings.Contains(" "+r.Fields+" ", " "+name+" ") {
			panic(fmt.Sprintf("nas: event %s has no field %q; it has %s", kind, name, r.Fields))
		}
	}
	return Event{Time: at, Level: r.Level, Kind: kind, Run: run, Trial: trial, Data: data}
}

// Sentence tells the event to a person, in parts that a screen sets apart. A kind of another build is named with its message.
func (e Event) Sentence() []string {
	if r, ok := e.Kind.row(); ok {
		return r.Sentence(e)
	}
	if m := e.text("message"); m != "" {
		return []string{string(e.Kind) + ": " + m}
	}
	return []string{string(e.Kind)}
}

func (e Event) message() []string { return []string{e.text("message")} }

func (e Event) child() string { return "child " + TrialLabel(e.Trial) }

// cell is the first four signs of the cell's hash.
func (e Event) cell() string {
	cell := e.text("cell")
	return cell[:min(4, len(cell))]
}

func (e Event) has(field string) bool { return e.Data[field] != nil }

func (e Event) text(field string) string {
	s, _ := e.Data[field].(string)
	return s
}

// number is a field as it was emitted or as JSON has it, 0 if it is none.
func (e Event) number(field string) float64 {
	switch v := e.Data[field].(type) {
	case float64:
		return v
	case int:
		return float64(v)
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	}
	return 0
}

func (e Event) score(field string) string { return FormatScore(e.number(field), 4) }

func (e Event) bytes(field string) string { return FormatBytes(int64(e.number(field))) }

func (e Event) time(field string) string {
	return FormatTime(time.Duration(min(e.number(field), 1e9) * float64(time.Second)))
}
