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

// checklist is what a person may expect of an interface that is left open for days, and the tests that hold each point:
// functions, and scripts by their file in testdata. Figures that depend on the machine are logged by the tests.
var checklist = []struct {
	point int
	says  string
	tests string
}{
	{1, "closing the terminal does not stop the training",
		"TestWhatEndsTheScreenDoesNotEndTheSearch TestTheSearchGoesOnWhenTmuxIsKilled"},
	{2, "SIGHUP detaches: the same process goes on, and the log says why", "TestWhatEndsTheScreenDoesNotEndTheSearch"},
	{3, "attach shows the same state, in 300 ms", "TestALongRunIsThereAtOnce " +
		"TestDetachGivesTheShellItsPromptAndTheSearchGoesOn"},
	{4, "a second screen watches, and its keys are refused with a word", "TestOneScreenSteersAndItCanBeTakenOver"},
	{5, "the control can be taken, and both see who has it",
		"TestOneScreenSteersAndItCanBeTakenOver TestBothScreensSeeWhoHasControl"},
	{6, "kill -9 loses an epoch at most, and the end is the same to the bit",
		"TestChildrenKilledWhileTrainingEndAsIfNeverKilled " +
			"TestASearchWithCheckpointsCutOffAnywhereEndsTheSame kill.txtar"},
	{7, "a checkpoint is whole or not there", "TestNothingAcknowledgedIsLostByKill9 TestACutWALGivesAWholePrefix"},
	{8, "SIGTERM: exit code 0, terminal restored, run saved",
		"TestWhatEndsTheSearchLeavesTheTerminalInOrder TestTheTerminalIsRestored"},
	{9, "a second SIGTERM ends at once", "TestASecondSIGTERMEndsAtOnce"},
	{10, "a panic anywhere restores the terminal; its stack is in the log",
		"TestTheTerminalIsRestored TestWhatEndsTheSearchLeavesTheTerminalInOrder"},
	{11, "SIGQUIT restores before the dump", "TestTheTerminalIsRestored TestWhatEndsTheSearchLeavesTheTerminalInOrder"},
	{12, "ctrl-z and fg: the whole screen again, the engine went on", "TestAShellsJobControl"},
	{13, "every screen fits 80x24", "TestGoldenFrames"},
	{14, "160x48 uses its room", "TestGoldenFrames"},
	{15, "60x15 is a list, 20x6 tells run, reward and child", "TestGoldenFrames"},
	{16, "every size from 1x1 to 300x100, any event: no panic",
		"TestAnySizeAnySnapshotAnyKey TestEverySizeOfTheDashboard FuzzScreens"},
	{17, "after a storm of 100 sizes the frame is that of the last", "TestManyResizesEndInTheFrameOfTheLastSize"},
	{18, "the same text on every kind of terminal", "TestEveryTerminalShowsTheSameText"},
	{19, "TERM=linux gets the signs of its font", "TestTheScreenObeysTheEnvironment TestGoldenFrames"},
	{20, "LANG=C gets ASCII", "TestTheScreenObeysTheEnvironment TestDetect"},
	{21, "TERM=dumb and pipes get JSON lines without escapes", "TestADumbTerminalGetsJSONLines search.txtar"},
	{22, "every JSON line is valid, with ts, t and run", "TestADumbTerminalGetsJSONLines"},
	{23, "NO_COLOR: no colour, bold and reverse remain",
		"TestTheScreenObeysTheEnvironment TestOnlyAllowedLooksAreUsed"},
	{24, "only the 16 colours of the terminal's own theme", "TestOnlyAllowedLooksAreUsed TestTChangesTheColours"},
	{25, "every state reads without colour", "TestEveryStateReadsWithoutColour"},
	{26, "East Asian widths get ASCII", "TestTheScreenObeysTheEnvironment TestDetect"},
	{27, "idle below 0.5 % of a processor, 1 % at four updates a second", "TestEveryScreenIsCheap"},
	{28, "nothing moves, nothing is sent", "TestEveryScreenIsCheap"},
	{29, "below 1 kB/s at 160x48 and 400 B/s at 80x24, at four updates a second", "TestEveryScreenIsCheap"},
	{30, "one write a frame, the cursor hidden throughout", "TestEveryScreenIsCheap TestBytesOnTheWire"},
	{31, "a stopped terminal costs the training nothing",
		"TestAStoppedTerminalHoldsNothingUp TestASearchEndsWhoseTerminalIsStopped"},
	{32, "from a key to its screen 120 ms while all cores train", "TestAWalkThroughEveryScreenOfALiveSearch"},
	{33, "the first frame after 300 ms with 20,000 trials stored", "TestALongRunIsThereAtOnce"},
	{34, "no stall on a terminal that answers nothing", "TestTheFirstFrameIsImmediateOnATerminalThatNeverAnswers"},
	{35, "nothing is printed over the screen", "TestPrintsBehindTheScreenGoToTheLog"},
	{36, "the log has levels and times and does not grow for ever; the help says where it is",
		"TestALargeLogOfStrayPrintsIsRenamed TestALineOfTheLog TestTheHelpNamesTheLog"},
	{37, "a ladder of any cell reads back as that cell", "TestLadderReadsBack"},
	{38, "a ladder is at most 72, 77 and 76 columns wide for 5, 6 and 7 blocks", "TestLadderWidths"},
	{39, "NASNet-A in three tiers and two layouts", "TestNASNetAInAllTiersAndLayouts"},
	{40, "the differ's terminal equals the frame", "TestTheDifferShowsWhatThePlainRendererShows FuzzDiffer"},
	{41, "golden frames of every screen", "TestGoldenFrames"},
	{42, "a walk through all screens and keys of a live search", "TestAWalkThroughEveryScreenOfALiveSearch"},
	{43, "the help lists every key; the keys in the footer work",
		"TestTheHelpListsEveryKey TestTheKeysInTheFooterWork"},
	{44, "no key of a multiplexer, of flow control, with alt, or F1 to F12", "TestNoKeyCollidesWithAnotherProgram"},
	{45, "what cannot be taken back asks, with another key",
		"TestIrreversibleActionsAskForAnotherKey TestTheQuitDialog"},
	{46, "the mouse is the terminal's until M", "TestTheMouseIsOffUntilM TestTheScreenObeysTheEnvironment"},
	{47, "y writes a file too and says where", "TestCopyGoesToTheClipboardAndToAFile"},
	{48, "what is exported opens where it belongs",
		"TestEveryScreenWritesWhatItShows TestGraphvizAcceptsDot TestSVGIsWellFormedAndSelfContained " +
			"TestTheSVGOfAFrameIsSelfContained"},
	{49, "a pause counts neither as time nor as a rate",
		"TestAPauseCountsForNothing TestPauseHoldsChildrenAtTheirNextBatchUntilResume"},
	{50, "a loss that is no number ends its child, not the search",
		"diverged.txtar TestFailuresOfTrialsNeverEndTheSearch TestEveryStateReadsWithoutColour " +
			"TestAnySizeAnySnapshotAnyKey"},
	{51, "memory does not grow with time", "TestTheInterfaceTakesNoMoreMemoryOverTime " +
		"TestAThousandTrialsLeaveNoGoroutineAndLittleMemory"},
	{52, "the screen stays at the end; a summary stays in the scrollback",
		"TestInTmuxTheSummaryStaysWhenTheScreenIsLeft TestADoneSearchStaysForTheOneWhoSteers"},
}

// TestChecklist holds that each point has its tests.
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
			t.Errorf("point %d stands where %d should", c.point, i+1)
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
