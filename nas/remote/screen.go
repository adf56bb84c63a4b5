//go:build unix

package remote

import (
	"context"
	"os"

	"nasnet/nas"
)

// Screen is the seat of a screen in this process: a [nas.Shared] without a socket in between.
type Screen struct {
	server *Server
	seat   *seat
}

// Screen takes a seat for a screen of this process on the terminal tty.
func (s *Server) Screen(tty string) *Screen {
	t, _ := s.seats.sit(nas.Holder{PID: os.Getpid(), TTY: tty}, Steer)
	return &Screen{s, t}
}

// Leave gives up the seat, and control if it has it.
func (c *Screen) Leave() { c.seat.leave() }

// Snapshot implements [nas.Engine].
func (c *Screen) Snapshot() *nas.Snapshot { return c.server.engine.Snapshot() }

// Subscribe implements [nas.Engine].
func (c *Screen) Subscribe() (<-chan struct{}, func()) { return c.seat.subscribe() }

// Do implements [nas.Engine].
func (c *Screen) Do(ctx context.Context, cmd nas.Command) (nas.Reply, error) {
	if err := c.seat.permit(); err != nil {
		return nas.Reply{}, err
	}
	return c.server.engine.Do(ctx, cmd)
}

// Control implements [nas.Shared].
func (c *Screen) Control() nas.Control { return c.seat.of.control(c.seat) }

// TakeControl implements [nas.Shared].
func (c *Screen) TakeControl(context.Context) error {
	c.seat.take()
	return nil
}
