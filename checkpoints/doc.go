// Package checkpoints stores a run on disk so that it cannot be lost: one folder per run.
//
//	run.db          SQLite: the run, its trials, epochs, policy updates and events
//	run.db-wal,-shm SQLite's own, while the run is open or after a crash
//	blobs/ab/<sha256>.safetensors   controller states, weights: immutable, named by content
//	run.lock        flock of the one writer, with its pid and host
//	log.jsonl       every event as one JSON object per line: a copy, for people and scripts
//
// A [Store] has plain records ([Run], [Trial], [Epoch], [Update], [Event]). Genotypes, settings and controller states
// are bytes to it.
//
// # Promises
//
// One transaction per decision: a batch of proposals, a trial's result, a policy update with its samples and state.
// When a method returns nil, its change is on disk (WAL, synchronous FULL). After kill -9 at any instant the database
// opens with every acknowledged change and nothing of a half-done one. A blob is written, synced, renamed and its
// folder synced before a row names it, so a row never names a missing blob; an orphan file is harmless. Values read
// back equal the values written; numbers that are not finite are refused ([ErrNotFinite]).
//
// One writer, any number of readers. [Open] takes the lock or fails with [ErrLocked]; each opening raises the run's
// incarnation, and a writer with an older incarnation is refused ([ErrFenced]). [OpenReadOnly] works on a live run,
// after a crash, and on media that cannot be written.
//
// A file that is not a run's database, was made by a newer program, or has a schema that is not ours, is refused before
// it is used.
//
// Folders are made with mode 0700 and files with 0600.
//
// # What it does not do
//
// It does not know what a search is: package search decides which trial comes next, what a reward means and when to
// pause. It keeps no history of stars and notes. It cannot guard against a network file system that lies about locks:
// there it leaves WAL off and does what the system allows.
package checkpoints
