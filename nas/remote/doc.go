// Package remote shows and steers a run from another process of the same user: [Serve] listens on a Unix socket in the run's folder, [Dial] gives a
// [Client] that is a [nas.Engine] as the search itself is one, and [Do] and [Look] ask once.
//
// # What is spoken
//
// HTTP and JSON on DIR/nasnet.sock; curl --unix-socket can speak it too:
//
//	GET  /v1/status    the run in a few numbers (Status)
//	GET  /v1/snapshot  {"snapshot":{…},"control":{…}}
//	GET  /v1/stream    JSON lines until either side ends: see below; ?want=steer|look|take, &tty=, &pid=
//	POST /v1/do        a nas.Command; its answer is a nas.Reply
//	POST /v1/take      take the control for the seat in the Nasnet-Seat header
//
// An error is {"error":"…","code":"…"} with a status that is not 200. Every answer names the protocol in its Nasnet-Protocol header; a client that speaks
// another one refuses to go on, and so does a server that is asked by another one.
//
// The first line of a stream has the whole snapshot, who has the control, and the name of the seat that the reader takes. Later lines have only the
// fields of the snapshot that changed. The last line, of type "end", says why nothing more comes. A reader gets at most ten lines a second, and after a
// line of n bytes it waits as long as n bytes take at 4 MB/s; what it misses meanwhile it never gets: each line is made from the newest snapshot. A
// reader that stops reading holds up nobody: the lines of each are written by a goroutine of its own.
//
// # Who steers
//
// Each stream, and the screen of the program itself ([Server.Screen]), is a seat. At most one seat has the control; commands of the others are refused
// with the name of the one who has it. A seat that asks to steer gets the control if nobody has it, and any seat may take it. It is free again when its
// seat is left. A command without a seat, as nasnet ctl sends it, is always carried out: it is one deliberate act of the user, and the log says who sent it.
//
// # Who may connect
//
// The socket has mode 0600, and both sides check that the process at the other end has the same user id or is root (on systems that tell). Requests are bounded in
// size, in number and in rate. A command cannot name a path: forks get names, not folders, and a retrain can only use the run's own data or a data set
// known by name.
package remote
