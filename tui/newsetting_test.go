package tui

import (
	"testing"

	"nasnet/nas/child"
	"nasnet/nas/setting"
)

// A new setting is a row: it is a field of the retrain form without another line here. The flags, the help, JSON and
// the names of rungs are tested where they are.
func TestANewSettingIsAFieldOfTheForm(t *testing.T) {
	was := child.Settings
	t.Cleanup(func() { child.Settings = was })
	child.Settings = append(was[:len(was):len(was)], setting.Row[child.Setup]{Name: "mixup", Label: "mixup strength",
		Use: setting.Train, Hint: "of pairs of images",
		Range: setting.Range{Low: 0, High: 0.5}, At: func(s *child.Setup) any { return &s.Net.BNEps }})
	d := drive(t, busy(), 120, 36).press("5", "r")
	r := d.m.top().(*retrainScreen)
	r.set("mixup", "0.75")
	if _, err := r.wrong(); err == nil || err.Error() != "mixup strength: want 0 to 0.5" {
		t.Errorf("0.75 of at most 0.5: %v", err)
	}
	r.set("mixup", "0.25")
	if d.press("enter"); d.last().Retrain == nil || d.last().Retrain.Net.BNEps != 0.25 {
		t.Errorf("sent %+v", d.last().Retrain)
	}
}
