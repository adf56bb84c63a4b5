package nas

// EventKind is the stable name of a kind of event.
type EventKind string

// The kinds of events. [EventKinds] says what each carries and how it reads.
const (
	RunStarted       EventKind = "run_started"
	RunForked        EventKind = "run_forked"
	RunPaused        EventKind = "run_paused"
	RunFinished      EventKind = "run_finished"
	UncleanEnd       EventKind = "unclean_end"
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
	Fields string // names of what Data may hold, rows of EventFields, one space between them
	Common bool   // too many to tell as news: the log has them

	// Sentence tells the event to a person, in parts that a screen sets apart. {name} is a field, written as its unit
	// says, and {name|word} is the word where the field is missing; {child} is the event's trial. A part that lacks a
	// field is left out, and so is what stands in [brackets] and lacks one.
	Sentence []string
}

// EventKinds is the table of events: what [NewEvent] makes, what JSON lines carry, and how the log and the footer read.
var EventKinds = []EventRow{
	{Kind: RunStarted, Level: Info, Fields: "children finished workers strategy data seed dir",
		Sentence: []string{"search started", "{strategy} on {data}", "seed {seed}"}},
	{Kind: RunForked, Level: Info, Fields: "parent parent_name at",
		Sentence: []string{"forked from {parent_name} at policy {at}"}},
	{Kind: RunPaused, Level: Error, Fields: "reason",
		Sentence: []string{"search paused: {reason}"}},
	{Kind: RunFinished, Level: Info, Fields: "state finished failed updates seconds best reward cell",
		Sentence: []string{"search {state} after {finished}", "best {reward} ({cell})"}},
	{Kind: UncleanEnd, Level: Warn, Fields: "pid host since",
		Sentence: []string{"the program that ran this search before (process {pid} on {host}) ended without closing " +
			"it"}},
	{Kind: RewardByCost, Level: Info, Fields: "by target weight warning",
		Sentence: []string{"rewards weigh {by}: target {target}, exponent {weight}", "{warning}"}},
	{Kind: MixedBuilds, Level: Warn, Fields: "this before message",
		Sentence: []string{"{message}"}},
	{Kind: PolicyRebuilt, Level: Warn, Fields: "version",
		Sentence: []string{"policy {version} was missing or damaged, and was made again from the stored rewards"}},
	{Kind: SweepFailed, Level: Warn, Fields: "error",
		Sentence: []string{"files that a killed process left could not be removed: {error}"}},
	{Kind: TrialProposed, Level: Info, Fields: "cell kind batch policy genotype repeat_of", Common: true,
		Sentence: []string{"{child} proposed", "cell {cell} {policy}", "as child {repeat_of}"}},
	{Kind: TrialStarted, Level: Info, Fields: "cell kind attempt after_epoch",
		Sentence: []string{"{child} started", "cell {cell}", "{kind}"}},
	{Kind: TrialWaits, Level: Info, Fields: "cell bytes free limit",
		Sentence: []string{"{child} waits for {bytes} of memory; {free} of {limit} are free"}},
	{Kind: EpochEnded, Level: Info, Common: true,
		Fields:   "epoch epochs lr keep train_loss train_acc val_loss val_acc seconds cell",
		Sentence: []string{"{child} epoch {epoch}/{epochs}", "loss {train_loss}", "val {val_acc}"}},
	{Kind: CheckpointFailed, Level: Warn, Fields: "epoch cell error",
		Sentence: []string{"{child}: its state after epoch {epoch} could not be kept: {error}"}},
	{Kind: CheckpointLost, Level: Warn, Fields: "epoch cell error",
		Sentence: []string{"{child} begins again: its state after epoch {epoch} cannot be read: {error}"}},
	{Kind: TrialFinished, Level: Info,
		Fields: "reward cell kind params madds seconds latency_ms accuracy repeat_of weights shared_from advantage " +
			"best_by",
		Sentence: []string{"{child} done: {reward}[, new best by {best_by}][ ({advantage} over baseline)]",
			"cell {cell}",
			"repeats child {repeat_of}"}},
	{Kind: TrialFailed, Level: Warn, Fields: "fail_kind error cell kind stack",
		Sentence: []string{"{child} {fail_kind}: {error}", "cell {cell}"}},
	{Kind: TrialStopped, Level: Info, Fields: "cell kind",
		Sentence: []string{"{child} stopped by hand", "cell {cell}"}},
	{Kind: TrialStalled, Level: Warn, Fields: "cell seconds",
		Sentence: []string{"{child} made no step for {seconds} and is told to end"}},
	{Kind: TrialLeftBehind, Level: Warn, Fields: "cell seconds",
		Sentence: []string{"{child} did not end within {seconds} of the search's end; " +
			"it goes on from its last checkpoint at resume"}},
	{Kind: WeightsLost, Level: Error, Fields: "error",
		Sentence: []string{"{child}: its weights could not be kept: {error}"}},
	{Kind: ControllerUpdate, Level: Info,
		Fields: "version samples mean_reward max_reward baseline entropy max_entropy kl clip_fraction grad_norm " +
			"verdict claim gain gain_low gain_high random_mean randoms",
		Sentence: []string{"policy {version}: mean {mean_reward}, baseline {baseline}, entropy {entropy}, KL {kl}"}},
	{Kind: DiskFull, Level: Error, Fields: "need free error",
		Sentence: []string{"the disk is full: {need} needed, {free} free; the search waits for room"}},
	{Kind: DiskWaited, Level: Warn, Fields: "seconds",
		Sentence: []string{"the disk has room again; the search waited {seconds}"}},
	{Kind: UserCommand, Level: Info, Fields: "do message from",
		Sentence: []string{"{from|you}: {message}"}},
	{Kind: ScreenAttached, Level: Info, Fields: "message", Sentence: []string{"{message}"}},
	{Kind: ScreenLeft, Level: Info, Fields: "message", Sentence: []string{"{message}"}},
	{Kind: ControlTaken, Level: Info, Fields: "message", Sentence: []string{"{message}"}},
	{Kind: TerminalGone, Level: Info, Fields: "message", Sentence: []string{"{message}"}},
}

// EventField is a field of an event's data. A name means the same in every kind of event.
type EventField struct {
	Name string
	Unit *Unit
	Help string
}

// EventFields is the table of what events carry besides their time, kind, run, level and trial.
var EventFields = []EventField{
	// the run
	{"children", inCount, "proposals to make"},
	{"finished", inChildren, "proposals that have ended"},
	{"failed", inCount, "proposals that failed"},
	{"updates", inCount, "policy versions made"},
	{"workers", inCount, "children that train at a time"},
	{"strategy", inWords, "kind of controller"},
	{"data", inWords, "data set"},
	{"seed", inCount, "seed of all random numbers"},
	{"dir", inWords, "folder of the run"},
	{"state", inWords, "how the search ended: done or stopped"},
	{"best", inCount, "trial with the best reward; reward and cell are its"},
	{"parent", inWords, "UUID of the run that was forked"},
	{"parent_name", inWords, "name of the run that was forked"},
	{"at", inCount, "policy version at which it was forked"},
	{"pid", inCount, "process"},
	{"host", inWords, "machine of the process"},
	{"since", inWords, "time at which the process opened the run, RFC 3339"},
	{"this", inJSON, "the build that works on the run now"},
	{"before", inJSON, "the builds that worked on it before, oldest first"},
	{"by", inWords, "cost that weighs rewards: latency, madds or params"},
	{"target", inNumber, "cost at which the reward is the accuracy, in the cost's own unit"},
	{"weight", inNumber, "exponent of cost over target, below 0"},
	{"need", inBytes, "least room on the disk to go on"},

	// a trial
	{"cell", inHash, "first 6 digits of the hash of the cell"},
	{"kind", inKind, "where the trial came from: sample, shadow (drawn at random), edit or retrain"},
	{"batch", inCount, "batch of proposals, from 0"},
	{"policy", inPolicy, "policy version that drew the cell; -1 if it was drawn at random"},
	{"genotype", inWords, "the cell as text"},
	{"repeat_of", inCount, "earlier trial of the same cell, whose end this one shares"},
	{"attempt", inCount, "how often its training was begun, from 1"},
	{"after_epoch", inCount, "epoch of the checkpoint from which it goes on"},
	{"reward", inFraction, "validation accuracy, weighed by the cost if there is one"},
	{"accuracy", inFraction, "validation accuracy, where a cost weighs the reward"},
	{"advantage", inDifference, "reward above the controller's baseline"},
	{"best_by", inFraction, "reward above the best one before"},
	{"params", inCount, "parameters of the network"},
	{"madds", inCount, "multiply-adds for one image"},
	{"latency_ms", inNumber, "measured time for one image on one thread, milliseconds"},
	{"weights", inWords, "SHA-256 of the blob of its weights"},
	{"shared_from", inWords, "run that trained the same child"},
	{"fail_kind", inWords, "why it failed, in a word: diverged, panic, memory, timeout, budget, reward or error"},
	{"stack", inWords, "stack of the panic"},
	{"bytes", inBytes, "memory that the child wants"},

	// its training
	{"epoch", inCount, "whole epochs done"},
	{"epochs", inCount, "epochs to do"},
	{"lr", inNumber, "learning rate of the last step"},
	{"keep", inFraction, "probability of keeping a path in the last cell, at the last step"},
	{"train_loss", inLoss, "mean loss on the training images, nats"},
	{"train_acc", inFraction, "accuracy on the training images"},
	{"val_loss", inLoss, "mean loss on the validation images, nats"},
	{"val_acc", inFraction, "accuracy on the validation images"},

	// the controller
	{"version", inCount, "policy version, from 1"},
	{"samples", inCount, "proposals that the update learned from"},
	{"mean_reward", inFraction, "mean reward of the samples"},
	{"max_reward", inFraction, "best reward of the samples"},
	{"baseline", inFraction, "moving mean of the rewards"},
	{"entropy", inNats, "entropy of the policy"},
	{"max_entropy", inNats, "entropy of drawing at random"},
	{"kl", inLoss, "divergence of the new policy from the old one, nats"},
	{"clip_fraction", inFraction, "part of the ratios of probabilities that were clipped"},
	{"grad_norm", inLoss, "L2 norm of the gradient"},
	{"verdict", inWords, "whether the controller beats random cells, as a sentence"},
	{"claim", inWords, "the same in a word: early, unclear, better or worse"},
	{"gain", inDifference, "mean reward of the controller above that of random cells"},
	{"gain_low", inDifference, "lower end of the gain's 95 % band"},
	{"gain_high", inDifference, "upper end of the gain's 95 % band"},
	{"random_mean", inFraction, "mean reward of the random cells"},
	{"randoms", inCount, "random cells with a reward"},

	// several
	{"seconds", inTime, "how long it took or lasted"},
	{"free", inBytes, "memory or room on the disk that is free"},
	{"limit", inBytes, "memory for all children"},
	{"do", inWords, "the command"},
	{"from", inWords, "who gave the command, if it was not the program's own screen"},
	{"message", inWords, "what happened, as a sentence"},
	{"warning", inWords, "what to beware of"},
	{"reason", inWords, "why the search paused"},
	{"error", inWords, "what went wrong"},
}

// fieldUnits are the units of EventFields by name.
var fieldUnits = func() map[string]*Unit {
	units := map[string]*Unit{}
	for _, f := range EventFields {
		units[f.Name] = f.Unit
	}
	return units
}()
