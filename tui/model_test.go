package tui

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"nasnet/nas"
	"nasnet/nas/child"
)

func TestKeysSendTheirCommands(t *testing.T) {
	running := nas.FirstManual + 1 // the third child of the table
	rows := []struct {
		name, fixture string
		keys          []string
		want          nas.Command
	}{
		{"p pauses a running search or resumes a paused one", "busy", []string{"p"}, nas.Command{Do: nas.Toggle}},
		{"P does the same with the child under the cursor", "busy", []string{"j", "j", "P"},
			nas.Command{Do: nas.ToggleTrial, Trial: running}},
		{"P on a paused one", "paused", []string{"down", "down", "P"},
			nas.Command{Do: nas.ToggleTrial, Trial: running}},
		{"x and y stop it", "busy", []string{"j", "x", "y"}, nas.Command{Do: nas.StopTrial, Trial: 1286}},
		{"U resumes the child that was stopped last", "busy", []string{"U"},
			nas.Command{Do: nas.UndoStop, Trial: 1277}},
		{"U resumes the stopped child under the cursor", "stops", []string{"G", "U"},
			nas.Command{Do: nas.UndoStop, Trial: 1270}},
		{"s stars the best cell", "busy", []string{"5", "s"}, nas.Command{Do: nas.Star, Trial: 1107}},
		{"s works on the cell screen too", "busy", []string{"5", "j", "enter", "s"},
			nas.Command{Do: nas.Star, Trial: 900}},
		{"n keeps a line of text", "busy", []string{"5", "j", "n", "o", "k", "enter"},
			nas.Command{Do: nas.Note, Trial: 900, Text: "ok"}},
		{"n starts from the old note", "busy", []string{"5", "n", "ctrl+u", "x", "enter"},
			nas.Command{Do: nas.Note, Trial: 1107, Text: "x"}},
		{"+ asks for one more worker", "busy", []string{"+"}, nas.Command{Do: nas.SetWorkers, N: 5}},
		{"- asks for one fewer", "busy", []string{"-"}, nas.Command{Do: nas.SetWorkers, N: 3}},
		{"the cursor moves from the children to the top cells", "busy", []string{"G", "j", "s"},
			nas.Command{Do: nas.Star, Trial: 1107}},
		{"and back", "busy", []string{"5", "k", "P"}, nas.Command{Do: nas.ToggleTrial, Trial: 1285}},
		{"] goes to the next cell of the list", "busy", []string{"5", "enter", "]", "s"},
			nas.Command{Do: nas.Star, Trial: 900}},
		{"[ goes back", "busy", []string{"5", "enter", "]", "]", "[", "s"}, nas.Command{Do: nas.Star, Trial: 900}},
		{"q w drains the search", "busy", []string{"q", "w"}, nas.Command{Do: nas.Drain}},
		{"q s stops", "busy", []string{"q", "s"}, nas.Command{Do: nas.Stop}},
		{"f keeps what is not changed", "busy", []string{"f", "enter"},
			nas.Command{Do: nas.Fork, Fork: &nas.ForkSpec{At: 160}}},
		{"f starts the fork at once if asked", "busy", []string{"f", "up", "right", "enter"},
			nas.Command{Do: nas.Fork, Fork: &nas.ForkSpec{At: 160, Start: true}}},
		{"f from a cell begins where it was proposed", "busy", []string{"5", "enter", "f", "enter"},
			nas.Command{Do: nas.Fork, Fork: &nas.ForkSpec{At: 137}}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			d := drive(t, snapshots[r.fixture](), 100, 30).press(r.keys...)
			if got := d.last(); !reflect.DeepEqual(got, r.want) {
				t.Errorf("got %+v, want %+v", got, r.want)
			}
		})
	}
}

func TestKeysThatCanDoNothingSayWhy(t *testing.T) {
	rows := []struct {
		name, fixture string
		keys          []string
		want          string
	}{
		{"U if no child has been stopped", "fresh", []string{"U"}, "no child has been stopped"},
		{"P on a finished child", "busy", []string{"j", "j", "j", "j", "P"},
			"child 1282 (e40e) is not in training"},
		{"x on a finished child", "busy", []string{"5", "x"}, "child 1107 (a9be) is not in training"},
		{"- with one worker", "first", []string{"-", "-", "-", "-"}, "a search needs one worker"},
		{"enter before there is a cell", "fresh", []string{"5", "enter"}, "nothing to open yet"},
		{"] at the end of the list", "first", []string{"5", "enter", "]"}, "no more cells"},
		{"? on the help", "busy", []string{"?", "?"}, "esc leaves it"},
		{"L on the log", "busy", []string{"L", "L"}, "esc leaves it"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			got := drive(t, snapshots[r.fixture](), 100, 30).press(r.keys...).text()
			if !strings.Contains(got, r.want) {
				t.Errorf("no %q in\n%s", r.want, got)
			}
		})
	}
}

func TestKeysInOneMessageActOneByOne(t *testing.T) {
	d := drive(t, busy(), 100, 30)
	press := func(text string, paste bool) {
		_, cmd := d.m.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text), Paste: paste})
		d.run(cmd)
	}
	press("jjP", false)
	if c := d.last(); c.Do != nas.ToggleTrial || c.Trial != nas.FirstManual+1 {
		t.Errorf("got %+v", c)
	}
	press("ppp", true)
	if n := len(d.e.commands()); n != 1 {
		t.Errorf("pasted text acts as keys: %+v", d.last())
	}
	press("5n", false)
	press("two words", true)
	if d.press("enter"); d.last().Text != "as NASNet-Atwo words" {
		t.Errorf("got %+v", d.last())
	}
}

func TestCommandsRunInTheOrderOfTheirKeys(t *testing.T) {
	d := drive(t, busy(), 100, 30)
	var cmds []tea.Cmd
	for _, k := range []string{"+", "+", "p", "-", "p"} {
		_, cmd := d.m.Update(keyMsg(k))
		cmds = append(cmds, cmd)
	}
	msgs := make(chan tea.Msg)
	// each in its own goroutine, as in the program, the last one first
	for _, c := range slices.Backward(cmds) {
		go func() { msgs <- c() }()
	}
	for range cmds {
		d.m.Update(<-msgs)
	}
	var got []string
	for _, c := range d.e.commands() {
		got = append(got, fmt.Sprint(c.Do, " ", c.N))
	}
	if want := "workers 5, workers 6, toggle 0, workers 5, toggle 0"; strings.Join(got, ", ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), want)
	}
	d.m.snap = d.e.Snapshot()
	if got := d.press("+").last().N; got != 6 {
		t.Errorf("after the answers + asks for %d workers, want 6", got)
	}
}

func TestTheAnswerToAStopSaysHowToUndoIt(t *testing.T) {
	d := drive(t, busy(), 100, 30).press("x", "y")
	if got := d.text(); !strings.Contains(got, "stop-trial done; U undoes the stop") {
		t.Errorf("the answer does not say how to undo it:\n%s", got)
	}
}

func TestTheRetrainFormSendsWhatItShows(t *testing.T) {
	d := drive(t, busy(), 120, 36).press("5", "r")
	// data set: the next after cifar10; then judged on test; N = 6; 600 epochs; mode constant; probability .3; seed 7
	d.press("right")
	for _, x := range []struct{ field, text string }{{"judged", ""}, {"n", "6"}, {"epochs", "600"},
		{"drop-path-mode", ""}, {"drop-path", "0.3"}, {"seed", "7"}} {
		to(t, d, x.field)
		if x.text == "" {
			d.press("right")
		} else {
			d.press("ctrl+u").typeText(x.text)
		}
	}
	d.press("enter")
	c := d.last()
	if c.Do != nas.Retrain || c.Parent == nil || *c.Parent != 1107 || c.Cell == nil ||
		c.Cell.ShortHash() != mustCell("nasnet-a").ShortHash() {
		t.Fatalf("got %+v", c)
	}
	base := busy().Config
	want := nas.RetrainSpec{Setup: child.Setup{Net: base.Net.WithDefaults(), Train: base.Train.WithDefaults()}, Seed: 7,
		Data: nas.DataSpec{Name: "cifar100", Image: 32, Test: true, ValImages: base.ValImages, Seed: base.Seed}}
	want.Net.N, want.Train.Epochs = 6, 600
	want.Net.Channels, want.Net.Classes = 0, 0
	want.Train.Shards, want.Net.StemMultiplier = 0, 0
	want.Train.DropPath.Mode, want.Train.DropPath.Prob = "constant", 0.3
	if !reflect.DeepEqual(*c.Retrain, want) {
		t.Errorf("got\n%+v\nwant\n%+v", *c.Retrain, want)
	}
	if _, still := d.m.top().(*retrainScreen); still {
		t.Error("the form stays open after the command was accepted")
	}
}

func TestAFormWithAnInvalidFieldIsNotSent(t *testing.T) {
	rows := []struct {
		name string
		keys []string
		want string
	}{
		{"a number of cells that is no number", []string{"r", "tab", "tab", "tab", "tab", "tab", "ctrl+u",
			"x", "enter"},
			"cells N: want 1 to 200"},
		{"a learning rate of zero", []string{"r", "tab", "tab", "tab", "tab", "tab", "tab", "tab", "tab", "tab",
			"ctrl+u", "0", "enter"}, "lr: want a number above 0"},
		{"drop probability above 0.99", []string{"r", "tab", "tab", "tab", "tab", "tab", "tab", "tab", "tab", "tab",
			"tab", "tab", "tab", "ctrl+u", "1", "enter"}, "drop at end: want 0 to 0.99"},
		{"a policy version that does not exist", []string{"f", "ctrl+u", "9", "9", "9", "enter"},
			"from policy: want 0 to 160"},
		{"a name that cannot be a folder's", []string{"f", "tab", "x", " ", "x", "enter"}, "name: name \"x x\""},
		{"a seed below zero", []string{"f", "tab", "tab", "ctrl+u", "-", "1", "enter"}, "seed: want a whole number"},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			d := drive(t, busy(), 120, 36).press(r.keys...)
			if n := len(d.e.commands()); n > 0 {
				t.Errorf("%d commands were sent: %+v", n, d.last())
			}
			if got := d.text(); !strings.Contains(got, r.want) {
				t.Errorf("no %q in\n%s", r.want, got)
			}
		})
	}
}

func TestAForkSendsOnlyChangedFields(t *testing.T) {
	d := drive(t, busy(), 80, 24).press("f", "ctrl+u", "9", "0", "tab").typeText("try-2").press("tab", "ctrl+u", "7",
		"tab", "ctrl+u").typeText("500")
	d.press("tab", "ctrl+u").typeText("1e-4").press("tab", "ctrl+u").typeText("5").press("tab",
		"ctrl+u").typeText("0.01").press("enter")
	seed := uint64(7)
	want := nas.Command{Do: nas.Fork, Fork: &nas.ForkSpec{At: 90, Name: "try-2", Seed: &seed, LearningRate: 1e-4,
		Steps: 5, Entropy: 0.01, Children: 500}}
	if got := d.last(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %+v", got, got.Fork)
	}
}

func TestAForkWithoutAnEntropyBonus(t *testing.T) {
	for _, r := range []struct{ had, want float64 }{{0.01, -1}, {-1, 0}} { // 0: as in the parent, which has none
		s := busy()
		s.Config.Controller.Entropy = r.had
		d := drive(t, s, 80, 24).press("f", "tab", "tab", "tab", "tab", "tab", "tab",
			"ctrl+u").typeText("0").press("enter")
		if c := d.last(); c.Fork == nil || c.Fork.Entropy != r.want {
			t.Errorf("from %v: sent %+v, want an entropy of %v", r.had, c.Fork, r.want)
		}
	}
}

func TestAFormStaysOpenIfTheEngineRefuses(t *testing.T) {
	d := drive(t, busy(), 80, 24)
	d.e.refuse = errors.New("the disk is full")
	d.press("f", "enter")
	if got := d.text(); !strings.Contains(got, "fork: the disk is full") || !strings.Contains(got, "from policy") {
		t.Errorf("got\n%s", got)
	}
}

func TestResetRestoresTheFirstValuesOfAForm(t *testing.T) {
	d := drive(t, busy(), 80, 24).press("f", "ctrl+u", "1", "tab", "a", "ctrl+r", "enter")
	if got := d.last(); got.Fork.At != 160 || got.Fork.Name != "" {
		t.Errorf("got %+v", got.Fork)
	}
}

func TestEscGoesBackOneStepAtATime(t *testing.T) {
	d := drive(t, busy(), 80, 24).press("1", "z")
	if strings.Contains(d.text(), "Top cells") {
		t.Fatal("not zoomed")
	}
	d.press("esc")
	if !strings.Contains(d.text(), "Top cells") {
		t.Fatal("esc does not unzoom")
	}
	d.press("5", "enter", "?", "L", "esc")
	for _, want := range []string{"EVERYWHERE", "Facts", "Top cells", "Top cells"} {
		if got := d.text(); !strings.Contains(got, want) {
			t.Fatalf("no %q in\n%s", want, got)
		}
		d.press("esc")
	}
	if d.quit {
		t.Error("esc left the program")
	}
}

func TestAFormWaitsForItsAnswerBelowOtherScreens(t *testing.T) {
	for _, k := range []string{"r", "f"} {
		for _, refuse := range []error{nil, errors.New("no room")} {
			d := drive(t, busy(), 80, 24).press("5", k)
			d.e.refuse = refuse
			_, sent := d.m.Update(keyMsg("enter"))
			before := len(d.e.commands())
			if got := d.press("enter").text(); !strings.Contains(got, "already sent; waiting for the answer") ||
				len(d.e.commands()) != before {
				t.Fatalf("%s: sent twice, or not said why:\n%s", k, got)
			}
			d.m.push(&digestDialog{from: d.m.snap, to: d.m.snap})
			d.run(sent)
			if _, open := d.m.top().(*digestDialog); !open {
				t.Errorf("%s: the answer closed the digest", k)
			}
			d.press("esc")
			if _, open := d.m.top().(receiver); open != (refuse != nil) {
				t.Errorf("%s: after the answer %v the form is open: %v", k, refuse, open)
			}
			if d.e.refuse = nil; refuse != nil { // and can be sent again
				if d.press("enter"); len(d.e.commands()) != before+2 {
					t.Errorf("%s: %d commands, want %d", k, len(d.e.commands()), before+2)
				}
			}
		}
	}
}

func TestTheQuitDialog(t *testing.T) {
	t.Run("stop now quits once the engine has answered", func(t *testing.T) {
		d := drive(t, busy(), 80, 24).press("q", "s")
		if !d.quit || d.m.outcome != QuitStop {
			t.Errorf("quit %v, outcome %q", d.quit, d.m.outcome)
		}
	})
	t.Run("after the children waits for them on the screen", func(t *testing.T) {
		d := drive(t, busy(), 80, 24).press("q", "w")
		if d.quit || !strings.Contains(d.text(), "draining") {
			t.Fatalf("quit %v\n%s", d.quit, d.text())
		}
		end := *d.e.Snapshot()
		end.State, end.Running = nas.Stopped, nil
		if cmd := d.m.take(&end); cmd == nil || d.m.outcome != QuitDrain {
			t.Errorf("the program does not end with the search: %v %q", cmd, d.m.outcome)
		}
	})
	t.Run("the screen stays if the search is resumed", func(t *testing.T) {
		d := drive(t, busy(), 80, 24).press("q", "w", "p")
		end := *d.e.Snapshot()
		end.State, end.Running = nas.Done, nil
		if cmd := d.m.take(&end); cmd != nil || d.m.leaving || d.m.outcome != Finished {
			t.Errorf("the program ends although the search was resumed: leaving %v, %q", d.m.leaving, d.m.outcome)
		}
	})
	t.Run("a retry of a full disk keeps draining", func(t *testing.T) {
		s := busy()
		d := drive(t, s, 80, 24).press("q", "w")
		full := *d.e.Snapshot()
		full.State, full.Reason = nas.Paused, "disk full: 1.0 MiB needed, 0 B free in /runs/a"
		d.m.take(&full)
		if d.press("p"); !d.m.leaving || d.m.outcome != QuitDrain {
			t.Errorf("the search still drains; leaving %v, %q", d.m.leaving, d.m.outcome)
		}
	})
	t.Run("a refused drain is no stop when the screen is left at once", func(t *testing.T) {
		d := drive(t, busy(), 80, 24).press("q", "w", "q")
		d.e.refuse = errors.New("another screen has control")
		if d.press("w"); !d.quit || d.m.outcome != QuitDrain {
			t.Errorf("quit %v, outcome %q", d.quit, d.m.outcome)
		}
	})
	t.Run("a second time leaves at once", func(t *testing.T) {
		d := drive(t, busy(), 80, 24).press("q", "w", "q", "w")
		if !d.quit || d.m.outcome != QuitDrain {
			t.Errorf("quit %v, outcome %q", d.quit, d.m.outcome)
		}
	})
	t.Run("detach is offered if the search can continue alone", func(t *testing.T) {
		d := drive(t, busy(), 80, 24).press("q")
		if strings.Contains(d.text(), "detach") {
			t.Errorf("offered although it is impossible\n%s", d.text())
		}
		d.m.options.CanDetach = true
		d.m.rev++
		if !strings.Contains(d.text(), "d     detach") || !strings.Contains(d.text(), "d detach") {
			t.Errorf("not offered\n%s", d.text())
		}
		if d.press("enter"); !d.quit || d.m.outcome != Detached {
			t.Errorf("quit %v, outcome %q", d.quit, d.m.outcome)
		}
	})
	t.Run("a refused stop keeps the screen open", func(t *testing.T) {
		d := drive(t, busy(), 80, 24)
		d.e.refuse = errors.New("not now")
		d.press("q", "s")
		if d.quit || !strings.Contains(d.text(), "stop: not now") {
			t.Errorf("quit %v\n%s", d.quit, d.text())
		}
	})
	t.Run("an engine that has ended does not keep the screen open", func(t *testing.T) {
		d := drive(t, busy(), 80, 24)
		d.e.refuse = nas.ErrClosed
		if d.press("q", "s"); !d.quit {
			t.Error("still here")
		}
	})
}

// A refused request for no workers does not count when others change the number later.
func TestOneMoreWorkerIsOneMoreThanThereAreNow(t *testing.T) {
	s := busy()
	s.Workers = 1
	d := drive(t, s, 80, 24).press("-")
	if n := len(d.e.commands()); n != 0 {
		t.Fatalf("%d commands for no worker at all", n)
	}
	now := *d.m.snap
	now.Workers = 4
	d.m.take(&now)
	if c := d.press("+").last(); c.N != 5 {
		t.Errorf("one more than 4 workers are %d", c.N)
	}
}

func TestTheCursorStaysWithItsChild(t *testing.T) {
	d := drive(t, busy(), 80, 24).press("j") // 1286
	s := *d.m.snap
	s.Running = append([]nas.TrialView{trialOf(1400, randomCell(3), nas.Sampled, nas.Running, 0, 20, 0)}, s.Running...)
	d.m.take(&s)
	if v, _ := d.m.stack[0].(*dashboard).selected(d.m); v.ID != 1286 {
		t.Errorf("on child %d after another was inserted before it", v.ID)
	}
	s2 := s
	s2.Running, s2.Recent = s.Running[:1], nil
	d.m.take(&s2)
	if v, ok := d.m.stack[0].(*dashboard).selected(d.m); !ok || v.ID != 1400 {
		t.Errorf("on child %d after its own left the list, want the row that is left", v.ID)
	}
}

func TestAPanicInUpdateEndsTheProgramCleanly(t *testing.T) {
	d := drive(t, busy(), 80, 24)
	d.m.stack = append(d.m.stack, &brokenScreen{})
	_, cmd := d.m.Update(keyMsg("j"))
	if d.m.crash == nil || d.m.crash.where != "update" || len(d.m.crash.stack) == 0 {
		t.Fatalf("crash %+v", d.m.crash)
	}
	if cmd == nil || cmd() != (tea.QuitMsg{}) {
		t.Error("the program continues")
	}
	if d.m.View() != "" {
		t.Error("a broken model is drawn")
	}
}

type brokenScreen struct{ *dashboard }

func (brokenScreen) scope() scope               { return onDash }
func (brokenScreen) act(*model, action) tea.Cmd { panic("broken") }

func TestEqualFramesAreNotDrawnAgain(t *testing.T) {
	d := drive(t, busy(), 160, 48)
	first := d.m.View()
	n := testing.AllocsPerRun(10, func() { d.m.View() })
	if n > 1 || d.m.View() != first {
		t.Errorf("%v allocations for a frame that has not changed", n)
	}
}

func TestAtMostTenSnapshotsASecondAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := drive(t, busy(), 80, 24)
		ctx, cancel := context.WithTimeout(t.Context(), 450*time.Millisecond)
		defer cancel()
		d.e.updated = make(chan struct{})
		go func() { // an engine that publishes as fast as it can
			for {
				select {
				case <-ctx.Done():
					return
				case d.e.updated <- struct{}{}:
				}
			}
		}()
		d.m.ctx = ctx
		_, cmd := d.m.Update(subscribedMsg{source{ctx, d.e, d.e.updated}})
		n := 0
		for msg := cmd(); msg != nil; n++ {
			msg = watch(msg.(snapMsg).from, busyPace)()
		}
		if n != 5 { // at 0, 0.1, 0.2, 0.3 and 0.4 s
			t.Errorf("%d snapshots in 0.45 s, want 5", n)
		}
	})
}

func TestAMessageEndsAfterAWhile(t *testing.T) {
	d := drive(t, busy(), 80, 24).press("p")
	if !strings.Contains(d.text(), "toggle done") {
		t.Fatalf("no answer in\n%s", d.text())
	}
	d.m.Update(toastEndMsg{d.m.toast.id - 1})
	if !strings.Contains(d.text(), "toggle done") {
		t.Error("an older timer removed the answer")
	}
	d.m.Update(toastEndMsg{d.m.toast.id})
	if strings.Contains(d.text(), "toggle done") {
		t.Error("the answer stays forever")
	}
}

func TestAMessageEndsWithItsScreen(t *testing.T) {
	const refusal = "no cell is selected yet"
	s := fresh()
	s.Running = nil
	d := drive(t, s, 80, 24).press("e")
	if got := d.press("j").text(); !strings.Contains(got, refusal) {
		t.Fatalf("the refusal is not shown on its screen:\n%s", got)
	}
	for _, key := range []string{"L", "esc"} {
		if got := d.press(key).text(); strings.Contains(got, refusal) {
			t.Errorf("after %s the refusal of another screen is shown:\n%s", key, got)
		}
	}
	// What a key says on the screen that it leads to stays.
	d = drive(t, busy(), 80, 24).press("5", " ", "r")
	_, sent := d.m.Update(keyMsg("enter"))
	d.run(sent)
	if got := d.text(); !strings.Contains(got, "retrain done") {
		t.Errorf("the answer that closed the form is not shown:\n%s", got)
	}
}

func TestAPaneIsDrawnAgainWhenItsDataChanges(t *testing.T) {
	d := drive(t, busy(), 160, 48)
	before := d.text()
	s := *d.m.snap
	s.Version++
	s.Top = append([]nas.TrialView(nil), s.Top...)
	s.Top[0].Star, s.Top[0].Note, s.Top[0].Reward = false, "another", 0.9
	s.Best = &s.Top[0]
	s.Rewards = append(s.Rewards[:len(s.Rewards):len(s.Rewards)],
		nas.RewardPoint{Trial: 1284, Reward: 0.9, Mean: 0.75, Best: 0.9})
	s.Updates = append(s.Updates[:len(s.Updates):len(s.Updates)],
		nas.PolicyView{Version: 161, Baseline: 0.6, Entropy: 9})
	s.Policy = s.Updates[160]
	d.m.take(&s)
	after := d.text()
	for _, want := range []string{"another", "peak .9000", "★ .9000", "update 161", "0.90 ┤"} {
		if strings.Contains(before, want) || !strings.Contains(after, want) {
			t.Errorf("%q: before %v, after %v\n%s", want, strings.Contains(before, want),
				strings.Contains(after, want), after)
		}
	}
	shadow := s // a random cell has finished: only the verdict is new
	shadow.Version++
	v := *s.Verdict
	v.Claim, v.Text, v.Randoms = nas.Early, "too early to tell: 99 random cells", 99
	shadow.Verdict = &v
	d.m.take(&shadow)
	if got := d.text(); !strings.Contains(got, "99 random") {
		t.Errorf("the verdict is not the new one:\n%s", got)
	}
	d.m.take(&s)
	if d.press("v").text() == after {
		t.Error("v does not change the best cell's drawing")
	}
}
