package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// checklist lists what users may expect of an interface that stays open for days, with the tests that check each point:
// functions, and scripts in testdata. The tests log figures that depend on the machine.
var checklist = []struct {
	point int
	says  string
	tests string
}{
	{1, "closing the terminal does not stop the training",
		"TestWhatEndsTheScreenDoesNotEndTheSearch TestTheSearchGoesOnWhenTmuxIsKilled"},
	{2, "SIGHUP detaches: the same process continues, and the log records why",
		"TestWhatEndsTheScreenDoesNotEndTheSearch"},
	{3, "attach shows the same state within 300 ms", "TestALongRunIsThereAtOnce " +
		"TestDetachGivesTheShellItsPromptAndTheSearchGoesOn"},
	{4, "a second screen watches, and its keys are refused with a word", "TestOneScreenSteersAndItCanBeTakenOver"},
	{5, "control can be taken, and both screens see who has it",
		"TestOneScreenSteersAndItCanBeTakenOver TestBothScreensSeeWhoHasControl"},
	{6, "kill -9 loses at most one epoch, and the result is the same bit for bit",
		"TestChildrenKilledWhileTrainingEndAsIfNeverKilled " +
			"TestASearchWithCheckpointsCutOffAnywhereEndsTheSame kill.txtar"},
	{7, "a checkpoint is whole or absent", "TestNothingAcknowledgedIsLostByKill9 TestACutWALGivesAWholePrefix"},
	{8, "SIGTERM: exit code 0, terminal restored, run saved",
		"TestWhatEndsTheSearchLeavesTheTerminalInOrder TestTheTerminalIsRestored"},
	{9, "a second SIGTERM ends at once", "TestASecondSIGTERMEndsAtOnce"},
	{10, "a panic anywhere restores the terminal; its stack is in the log",
		"TestTheTerminalIsRestored TestWhatEndsTheSearchLeavesTheTerminalInOrder"},
	{11, "SIGQUIT restores before the dump", "TestTheTerminalIsRestored TestWhatEndsTheSearchLeavesTheTerminalInOrder"},
	{12, "ctrl-z and fg: the whole screen returns; the engine never stopped", "TestAShellsJobControl"},
	{13, "every screen fits 80x24", "TestGoldenFrames"},
	{14, "160x48 uses its space", "TestGoldenFrames"},
	{15, "60x15 shows a list, 20x6 run, reward and child", "TestGoldenFrames"},
	{16, "every size from 1x1 to 300x100, any event: no panic",
		"TestAnySizeAnySnapshotAnyKey TestEverySizeOfTheDashboard FuzzScreens"},
	{17, "after a storm of 100 resizes the frame fits the last size", "TestManyResizesEndInTheFrameOfTheLastSize"},
	{18, "the same text on every kind of terminal", "TestEveryTerminalShowsTheSameText"},
	{19, "TERM=linux gets characters of its font", "TestTheScreenObeysTheEnvironment TestGoldenFrames"},
	{20, "LANG=C gets ASCII", "TestTheScreenObeysTheEnvironment TestDetect"},
	{21, "TERM=dumb and pipes get JSON lines without escape sequences", "TestADumbTerminalGetsJSONLines search.txtar"},
	{22, "every JSON line is valid, with ts, t and run", "TestADumbTerminalGetsJSONLines"},
	{23, "NO_COLOR: no colour, bold and reverse remain",
		"TestTheScreenObeysTheEnvironment TestOnlyAllowedLooksAreUsed"},
	{24, "only the 16 colours of the terminal's own theme", "TestOnlyAllowedLooksAreUsed TestTChangesTheColours"},
	{25, "every state reads without colour", "TestEveryStateReadsWithoutColour"},
	{26, "East Asian widths get ASCII", "TestTheScreenObeysTheEnvironment TestDetect"},
	{27, "idle below 0.5 % of a processor, 1 % at four updates a second", "TestEveryScreenIsCheap"},
	{28, "while nothing changes, nothing is sent", "TestEveryScreenIsCheap"},
	{29, "below 1 kB/s at 160x48 and 400 B/s at 80x24, at four updates a second", "TestEveryScreenIsCheap"},
	{30, "one write per frame, the cursor hidden throughout", "TestEveryScreenIsCheap TestBytesOnTheWire"},
	{31, "a suspended terminal does not slow the training",
		"TestAStoppedTerminalHoldsNothingUp TestASearchEndsWhoseTerminalIsStopped"},
	{32, "a key shows its screen after 120 ms while all cores train", "TestAWalkThroughEveryScreenOfALiveSearch"},
	{33, "the first frame after 300 ms with 20,000 trials stored", "TestALongRunIsThereAtOnce"},
	{34, "no stall on a terminal that answers nothing", "TestTheFirstFrameIsImmediateOnATerminalThatNeverAnswers"},
	{35, "no stray output appears on the screen", "TestPrintsBehindTheScreenGoToTheLog"},
	{36, "the log has levels and times and stays small; the help says where it is",
		"TestALargeLogOfStrayPrintsIsRenamed TestALineOfTheLog TestTheHelpNamesTheLog"},
	{37, "the ladder drawing of any cell reads back as that cell", "TestLadderReadsBack"},
	{38, "a ladder drawing is at most 72, 77 and 76 columns wide for 5, 6 and 7 blocks", "TestLadderWidths"},
	{39, "NASNet-A in three tiers and two layouts", "TestNASNetAInAllTiersAndLayouts"},
	{40, "the differ's terminal equals the frame", "TestTheDifferShowsWhatThePlainRendererShows FuzzDiffer"},
	{41, "golden frames of every screen", "TestGoldenFrames"},
	{42, "a walk through all screens and keys of a live search", "TestAWalkThroughEveryScreenOfALiveSearch"},
	{43, "the help lists every key; the keys in the footer work",
		"TestTheHelpListsEveryKey TestTheKeysInTheFooterWork"},
	{44, "no key of a multiplexer, of flow control, with alt, or F1 to F12", "TestNoKeyCollidesWithAnotherProgram"},
	{45, "an action that cannot be undone asks first, on another key",
		"TestIrreversibleActionsAskForAnotherKey TestTheQuitDialog"},
	{46, "the mouse is the terminal's until M", "TestTheMouseIsOffUntilM TestTheScreenObeysTheEnvironment"},
	{47, "y also writes a file and prints its path", "TestCopyGoesToTheClipboardAndToAFile"},
	{48, "exported files open in the programs for them",
		"TestEveryScreenWritesWhatItShows TestGraphvizAcceptsDot TestSVGIsWellFormedAndSelfContained " +
			"TestTheSVGOfAFrameIsSelfContained"},
	{49, "pauses count neither as time nor in rates",
		"TestAPauseCountsForNothing TestPauseHoldsChildrenAtTheirNextBatchUntilResume"},
	{50, "a NaN loss ends its child, not the search",
		"diverged.txtar TestFailuresOfTrialsNeverEndTheSearch TestEveryStateReadsWithoutColour " +
			"TestAnySizeAnySnapshotAnyKey"},
	{51, "memory does not grow over time", "TestTheInterfaceTakesNoMoreMemoryOverTime " +
		"TestAThousandTrialsLeaveNoGoroutineAndLittleMemory"},
	{52, "the screen stays at the end; leaving it leaves a summary in the scrollback",
		"TestInTmuxTheSummaryStaysWhenTheScreenIsLeft TestADoneSearchStaysForTheOneWhoSteers"},
}

// TestChecklist checks that the tests of each point exist.
func TestChecklist(t *testing.T) {
	have := map[string]bool{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
				have[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range checklist {
		if c.point != i+1 {
			t.Errorf("point %d is in place of %d", c.point, i+1)
		}
		tests := strings.Fields(c.tests)
		if len(tests) == 0 {
			t.Errorf("point %d, %s: no test", c.point, c.says)
		}
		for _, name := range tests {
			_, err := os.Stat(filepath.Join("testdata", name))
			if !have[name] && (err != nil || !strings.HasSuffix(name, ".txtar")) {
				t.Errorf("point %d, %s: there is no %s", c.point, c.says, name)
			}
		}
		if slices.Sort(tests); len(slices.Compact(tests)) != len(strings.Fields(c.tests)) {
			t.Errorf("point %d names a test twice", c.point)
		}
	}
}
