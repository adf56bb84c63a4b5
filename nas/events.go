package nas

// EventKind is the stable name of a kind of event.
type EventKind string

// The kinds of events. [EventKinds] lists their fields and sentences.
const (
	RunStarted       EventKind = "run_started"
	RunForked        EventKind = "run_forked"
	RunPaused        EventKind = "run_paused"
	RunFinished      EventKind = "run_finished"
	UncleanEnd       EventKind = "unclean_end"
	RunRecovered     EventKind = "run_recovered"
	EventsRestored   EventKind = "events_restored"
	LogSetAside      EventKind = "log_set_aside"
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
	Fields string // what Data may hold: names of EventFields, separated by one space
	Common bool   // too frequent to show as news; the log has them

	// Sentence describes the event to a person, in parts that a screen separates. {name} is a field, formatted by its
	// unit; {name|word} falls back to the word if the field is missing; {child} is the event's trial. A part with a
	// missing field is omitted, and so is a piece in [brackets].
	Sentence []string
}

// EventKinds is the table of events: what [NewEvent] accepts, what JSON lines carry, and how log and footer read.
var EventKinds = []EventRow{
	{Kind: RunStarted, Level: Info, Fields: "children finished workers strategy data seed dir uuid data_sha256 " +
		"config build",
		Sentence: []string{"search started", "{strategy} on {data}", "seed {seed}"}},
	{Kind: RunForked, Level: Info, Fields: "parent parent_name at",
		Sentence: []string{"forked from {parent_name} at policy {at}"}},
	{Kind: RunPaused, Level: Error, Fields: "reason",
		Sentence: []string{"search paused: {reason}"}},
	{Kind: RunFinished, Level: Info, Fields: "state finished failed updates seconds best reward cell",
		Sentence: []string{"search {state} after {finished}", "best {reward} ({cell})"}},
	{Kind: UncleanEnd, Level: Warn, Fields: "pid host since",
		Sentence: []string{"the last program to run this search (process {pid} on {host}) ended without closing it"}},
	{Kind: RunRecovered, Level: Warn, Fields: "file first last",
		Sentence: []string{"the run was recovered; what was there before is kept in {file}"}},
	{Kind: EventsRestored, Level: Warn, Fields: "events first last",
		Sentence: []string{"the database had lost its last {events} events; log.jsonl brought them back"}},
	{Kind: LogSetAside, Level: Warn, Fields: "file",
		Sentence: []string{"log.jsonl did not match the database; it is kept as {file}, and a new one was written"}},
	{Kind: RewardByCost, Level: Info, Fields: "by target weight warning",
		Sentence: []string{"rewards are weighed by {by}: target {target}, exponent {weight}", "{warning}"}},
	{Kind: MixedBuilds, Level: Warn, Fields: "this before message",
		Sentence: []string{"{message}"}},
	{Kind: PolicyRebuilt, Level: Warn, Fields: "version",
		Sentence: []string{"policy {version} was missing or damaged; it was rebuilt from the stored rewards"}},
	{Kind: SweepFailed, Level: Warn, Fields: "error",
		Sentence: []string{"cannot remove the files of a killed process: {error}"}},
	{Kind: TrialProposed, Level: Info, Fields: "cell kind batch policy genotype repeat_of", Common: true,
		Sentence: []string{"{child} proposed", "cell {cell} {policy}", "repeats child {repeat_of}"}},
	{Kind: TrialStarted, Level: Info, Fields: "cell kind attempt after_epoch",
		Sentence: []string{"{child} started", "cell {cell}", "{kind}"}},
	{Kind: TrialWaits, Level: Info, Fields: "cell bytes free limit",
		Sentence: []string{"{child} is waiting for {bytes} of memory; {free} of {limit} free"}},
	{Kind: EpochEnded, Level: Info, Common: true,
		Fields:   "epoch epochs lr keep train_loss train_acc val_loss val_acc seconds cell",
		Sentence: []string{"{child} epoch {epoch}/{epochs}", "loss {train_loss}", "val {val_acc}"}},
	{Kind: CheckpointFailed, Level: Warn, Fields: "epoch cell error",
		Sentence: []string{"{child}: no checkpoint after epoch {epoch}: {error}"}},
	{Kind: CheckpointLost, Level: Warn, Fields: "epoch cell error",
		Sentence: []string{"{child} starts over: cannot read its checkpoint after epoch {epoch}: {error}"}},
	{Kind: TrialFinished, Level: Info,
		Fields: "reward cell kind params madds seconds latency_ms accuracy repeat_of weights shared_from advantage " +
			"best_by epochs_sha256",
		Sentence: []string{"{child} done: {reward}[, new best by {best_by}][ ({advantage} over baseline)]",
			"cell {cell}",
			"repeats child {repeat_of}"}},
	{Kind: TrialFailed, Level: Warn, Fields: "fail_kind error cell kind stack epochs_sha256",
		Sentence: []string{"{child} {fail_kind}: {error}", "cell {cell}"}},
	{Kind: TrialStopped, Level: Info, Fields: "cell kind epochs_sha256",
		Sentence: []string{"{child} stopped by hand", "cell {cell}"}},
	{Kind: TrialStalled, Level: Warn, Fields: "cell seconds",
		Sentence: []string{"{child} made no step for {seconds} and was cancelled"}},
	{Kind: TrialLeftBehind, Level: Warn, Fields: "cell seconds",
		Sentence: []string{"{child} did not end within {seconds} of the search's end; " +
			"on resume it continues from its last checkpoint"}},
	{Kind: WeightsLost, Level: Error, Fields: "error",
		Sentence: []string{"{child}: cannot store its weights: {error}"}},
	{Kind: ControllerUpdate, Level: Info,
		Fields: "version samples mean_reward max_reward baseline entropy max_entropy kl clip_fraction grad_norm " +
			"verdict claim gain gain_low gain_high random_mean randoms",
		Sentence: []string{"policy {version}: mean {mean_reward}, baseline {baseline}, entropy {entropy}, KL {kl}"}},
	{Kind: DiskFull, Level: Error, Fields: "need free error",
		Sentence: []string{"the disk is full: {need} needed, {free} free; the search waits for space"}},
	{Kind: DiskWaited, Level: Warn, Fields: "seconds",
		Sentence: []string{"the disk has space again; the search waited {seconds}"}},
	{Kind: UserCommand, Level: Info, Fields: "do message from star note genotype made_from settings",
		Sentence: []string{"{from|you}: {message}"}},
	{Kind: ScreenAttached, Level: Info, Fields: "message", Sentence: []string{"{message}"}},
	{Kind: ScreenLeft, Level: Info, Fields: "message", Sentence: []string{"{message}"}},
	{Kind: ControlTaken, Level: Info, Fields: "message", Sentence: []string{"{message}"}},
	{Kind: TerminalGone, Level: Info, Fields: "message", Sentence: []string{"{message}"}},
}

// EventField is a field of an event's data. A name means the same thing in every kind of event.
type EventField struct {
	Name string
	Unit *Unit
	Help string
}

// EventFields is the table of what events carry besides time, kind, run, level and trial. The guide prints each name
// with its Help.
var EventFields = []EventField{
	// the run
	{"children", inCount, "proposals to make, in total"},
	{"finished", inChildren, "proposals finished: done, failed or stopped"},
	{"failed", inCount, "proposals failed"},
	{"updates", inCount, "controller updates so far"},
	{"workers", inCount, "children trained at a time"},
	{"strategy", inWords, "controller: ppo, reinforce, evolution or random"},
	{"data", inWords, "name or folder of the data set"},
	{"seed", inCount, "seed of all random numbers"},
	{"dir", inWords, "folder of the run"},
	{"uuid", inWords, "UUID of the run"},
	{"data_sha256", inWords, "SHA-256 of the images"},
	{"config", inJSON, "all settings of the run"},
	{"build", inJSON, "builds that have worked on the run"},
	{"state", inWords, "how the search ended: done or stopped"},
	{"best", inCount, "trial with the best reward; reward and cell describe it"},
	{"parent", inWords, "UUID of the parent run"},
	{"parent_name", inWords, "name of the parent run"},
	{"at", inCount, "policy version of the parent at which the fork starts"},
	{"pid", inCount, "process ID"},
	{"host", inWords, "host name of the process's machine"},
	{"since", inWords, "time the process opened the run (RFC 3339)"},
	{"this", inJSON, "build that runs the search now"},
	{"before", inJSON, "earlier builds that ran it, oldest first"},
	{"by", inWords, "cost that weighs rewards: latency, madds or params"},
	{"target", inNumber, "cost at which the reward equals the accuracy: milliseconds, multiply-adds or parameters"},
	{"weight", inNumber, "exponent of cost/target, below 0"},
	{"need", inBytes, "free disk space needed to continue, bytes"},

	{"events", inCount, "number of events the database had lost"},
	{"first", inCount, "id of the first restored event, as in log.jsonl"},
	{"last", inCount, "id of the last restored event"},
	{"file", inWords, "file or folder in the run's folder"},

	// a trial
	{"cell", inHash, "first 6 hex digits of the cell's hash"},
	{"kind", inKind, "origin of the trial: sample, shadow (random), edit (by hand) or retrain"},
	{"batch", inCount, "batch of the proposal, from 0"},
	{"policy", inPolicy, "policy version that drew the cell; -1 for a random cell"},
	{"genotype", inWords, "the cell as text"},
	{"repeat_of", inCount, "earlier trial of the same cell, whose result this one shares"},
	{"attempt", inCount, "number of the training attempt, from 1"},
	{"after_epoch", inCount, "epoch of the checkpoint it continues from"},
	{"reward", inFraction, "validation accuracy, 0 to 1; if a cost weighs it, possibly above 1"},
	{"accuracy", inFraction, "validation accuracy, 0 to 1, if a cost weighs the reward"},
	{"advantage", inDifference, "reward minus the controller's baseline"},
	{"best_by", inFraction, "reward minus the previous best"},
	{"params", inCount, "parameters of the network"},
	{"madds", inCount, "multiply-adds for one image"},
	{"latency_ms", inNumber, "measured time for one image on one thread, milliseconds"},
	{"weights", inWords, "SHA-256 of the stored weights"},
	{"shared_from", inWords, "ancestor run whose result of the same training was reused"},
	{"epochs_sha256", inWords, "SHA-256 of the epochs in the database, for verify"},
	{"fail_kind", inWords, "reason in one word: diverged, panic, memory, timeout, budget, reward or error"},
	{"stack", inWords, "stack trace of the panic"},
	{"bytes", inBytes, "memory the child needs, bytes"},

	// its training
	{"epoch", inCount, "epochs finished"},
	{"epochs", inCount, "epochs in total"},
	{"lr", inNumber, "learning rate at the epoch's last step"},
	{"keep", inFraction, "probability of keeping a path in the last cell, at the epoch's last step"},
	{"train_loss", inLoss, "mean loss on training images, nats"},
	{"train_acc", inFraction, "accuracy on training images, 0 to 1"},
	{"val_loss", inLoss, "mean loss on validation images, nats"},
	{"val_acc", inFraction, "accuracy on validation images, 0 to 1"},

	// the controller
	{"version", inCount, "policy version; the first update makes version 1"},
	{"samples", inCount, "samples the update learned from"},
	{"mean_reward", inFraction, "mean reward of the samples"},
	{"max_reward", inFraction, "best reward of the samples"},
	{"baseline", inFraction, "moving average of rewards"},
	{"entropy", inNats, "entropy of the policy over all decisions, nats"},
	{"max_entropy", inNats, "the same for uniform choices, nats"},
	{"kl", inLoss, "KL divergence between the old and the new policy, nats"},
	{"clip_fraction", inFraction, "fraction of probability ratios that PPO clipped, 0 to 1"},
	{"grad_norm", inLoss, "L2 norm of the gradient"},
	{"verdict", inWords, "whether the controller beats random cells, in a sentence"},
	{"claim", inWords, "the verdict in one word: early, unclear, better or worse"},
	{"gain", inDifference, "mean reward of the controller minus that of random cells"},
	{"gain_low", inDifference, "lower end of the gain's 95 % interval"},
	{"gain_high", inDifference, "upper end of the gain's 95 % interval"},
	{"random_mean", inFraction, "mean reward of random cells"},
	{"randoms", inCount, "random cells with a reward"},

	// several
	{"seconds", inTime, "how long it took, seconds"},
	{"free", inBytes, "free memory, or free disk space, bytes"},
	{"limit", inBytes, "memory for all children together, bytes"},
	{"do", inWords, "command, as nasnet ctl spells it"},
	{"from", inWords, "who gave the command, if not the program's own screen"},
	{"star", inJSON, "true if the trial got a star, false if it lost one"},
	{"note", inWords, "the trial's new note"},
	{"made_from", inCount, "trial whose cell was edited or retrained"},
	{"settings", inJSON, "settings of the retrain"},
	{"message", inWords, "what happened, in a sentence"},
	{"warning", inWords, "what to watch out for"},
	{"reason", inWords, "why the search paused"},
	{"error", inWords, "what went wrong"},
}

// fieldUnits maps the names of EventFields to their units.
var fieldUnits = func() map[string]*Unit {
	units := map[string]*Unit{}
	for _, f := range EventFields {
		units[f.Name] = f.Unit
	}
	return units
}()
