// Package remote lets other processes of the same user watch and steer a run. [Serve] listens on a Unix socket in the
// run's folder. [Dial] connects to it and returns a [Client], which is a [nas.Engine] like the search itself. [Do] and
// [Look] send a single request.
//
// # Protocol
//
// HTTP with JSON over DIR/nasnet.sock; curl --unix-socket works too:
//
//	GET  /v1/status    the run in a few numbers (Status)
//	GET  /v1/snapshot  {"snapshot":{…},"control":{…}}
//	GET  /v1/stream    JSON lines until either side closes, see below; ?want=steer|look|take, &tty=, &pid=
//	POST /v1/do        a nas.Command; the answer is a nas.Reply
//	POST /v1/take      gives control to the seat named in the Nasnet-Seat header
//
// An error is {"error":"…","code":"…"} with a status other than 200. Every answer has the version of the protocol in
// its Nasnet-Protocol header. Client and server refuse each other if their versions differ.
//
// The first line of a stream has the whole snapshot, who has control, and the name of the reader's seat. Later lines
// have only the fields that changed. The last line has the type "end" and says why there are no more. A reader gets at
// most ten lines a second, and after a line of n bytes it waits as long as n bytes take at 4 MB/s. Each line is made
// from the newest snapshot, so a reader skips what happened while it waited. A reader that stops reading delays nobody:
// each has a goroutine of its own.
//
// # Who steers
//
// Each stream is a seat, and so is the screen of the program itself ([Server.Screen]). At most one seat has control.
// The others' commands are refused, and the error names the screen that has it. A seat that asks to steer gets control
// if nobody has it, and any seat may take it. When the seat leaves, control is free again. A command without a seat, as
// nasnet ctl sends it, is always carried out: a person typed it on purpose, and the log says who sent it.
//
// # Who may connect
//
// The socket has mode 0600. Both sides check that the other process belongs to the same user or to root, on systems
// that tell. Requests are limited in size, number and rate. A command cannot name a path: forks get names, not folders,
// and a retrain uses the run's own data or a data set known by name.
package remote
