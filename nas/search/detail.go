package search

import (
	"fmt"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/record"
)

// detail reads what lean trials lack, see [nas.Ledger.Slim].
func detail(run *record.Run, l *nas.Ledger, ts ...*nas.Trial) error {
	var lean []int
	var trained []int // the trials whose curves they share
	for _, t := range ts {
		if t.Lean {
			lean, trained = append(lean, t.ID), append(trained, t.TrainedAs())
		}
	}
	if len(lean) == 0 {
		return nil
	}
	rows, err := run.Trials(lean...)
	if err != nil {
		return err
	}
	epochs, err := run.Epochs(trained...)
	if err != nil {
		return err
	}
	curves := map[int][]child.EpochResult{}
	for _, e := range epochs {
		if e.Attempt == l.Trial(e.Trial).Attempt { // not from a training that lost its checkpoint
			curves[e.Trial] = append(curves[e.Trial], record.EpochOf(e))
		}
	}
	for _, r := range rows {
		t := l.Trial(r.ID)
		if err := record.Fill(run.Space, t, r); err != nil {
			return fmt.Errorf("trial %d: %w", r.ID, err)
		}
		if t.Ended() || t.Kept != "" {
			t.Curve = curves[t.TrainedAs()]
			t.Epoch = len(t.Curve)
		}
	}
	return nil
}
