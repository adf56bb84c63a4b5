package search

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"nasnet/nas"
	"nasnet/nas/audit"
	"nasnet/nas/fake"
	"nasnet/nas/record"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// randomConfig is testConfig in which every third proposal is random: 21 proposals, of which 14 are samples in batches
// of 4, 4, 4 and 2.
func randomConfig() nas.Config {
	c := testConfig()
	c.Children, c.RandomEvery, c.Lag = 21, 3, 1
	return c
}

func TestEveryKthProposalIsRandomAndNeverEntersAnUpdate(t *testing.T) {
	s := create(t, filepath.Join(t.TempDir(), "run"), randomConfig(), Options{Workers: 2})
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	batches := make([]int, 5)
	for _, p := range s.owner.ledger.Proposals() {
		if random := p.ID%3 == 2; random != (p.Kind == nas.Random) || random != (p.Policy == -1) {
			t.Errorf("trial %d is a %s of policy %d", p.ID, p.Kind, p.Policy)
		}
		if p.Kind == nas.Sampled {
			batches[p.Batch]++
		}
		if !p.HasReward {
			t.Errorf("trial %d has no reward", p.ID)
		}
	}
	if fmt.Sprint(batches) != "[4 4 4 2 0]" {
		t.Errorf("samples by batch: %v", batches)
	}
	us, err := s.owner.run.Store.Updates()
	if err != nil {
		t.Fatal(err)
	}
	used := 0
	for _, u := range us {
		for _, x := range u.Samples {
			if used++; s.owner.ledger.Trial(x.Trial).Kind != nas.Sampled {
				t.Errorf("update %d used trial %d, a %s", u.Version, x.Trial, s.owner.ledger.Trial(x.Trial).Kind)
			}
		}
	}
	if len(us) != 4 || used != 14 {
		t.Errorf("%d updates of %d rewards; want 4 of 14", len(us), used)
	}
	v := s.Snapshot()
	if len(v.Rewards) != 14 || len(v.Randoms) != 7 || v.Finished != 21 || v.Verdict == nil || v.Verdict.Randoms != 7 {
		t.Errorf("%d rewards, %d of random cells, %d finished, verdict %+v", len(v.Rewards), len(v.Randoms),
			v.Finished, v.Verdict)
	}
}

func TestRewardsOfRandomCellsDoNotChangeTheController(t *testing.T) {
	base := create(t, filepath.Join(t.TempDir(), "run"), randomConfig(), Options{Workers: 1, Evaluator: randomBonus{0}})
	other := create(t, filepath.Join(t.TempDir(), "run"), randomConfig(),
		Options{Workers: 1, Evaluator: randomBonus{-0.4}})
	for _, s := range []*Search{base, other} {
		// a sample that repeats a random cell rightly shares its reward
		s.owner.run.Config.Repeats = "retrain"
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(base.owner.policy.views) != fmt.Sprint(other.owner.policy.views) ||
		fmt.Sprint(base.Snapshot().Rewards) != fmt.Sprint(other.Snapshot().Rewards) {
		t.Error("the rewards of random cells changed what the controller does")
	}
	if fmt.Sprint(base.Snapshot().Randoms) == fmt.Sprint(other.Snapshot().Randoms) {
		t.Error("the rewards of random cells were not changed")
	}
}

// randomBonus is a Fake that adds to the rewards of randomConfig's random cells.
type randomBonus struct{ bonus float64 }

func (b randomBonus) Evaluate(ctx context.Context, j nas.Job, report func(nas.Step) error) (nas.Outcome, error) {
	out, err := fake.Evaluator{}.Evaluate(ctx, j, report)
	if j.Trial%3 == 2 {
		out.Reward += b.bonus
	}
	return out, err
}

func TestASearchWithRandomCellsIsRepeatable(t *testing.T) {
	c := randomConfig()
	dir := filepath.Join(t.TempDir(), "run")
	want := finish(t, create(t, dir, c, Options{Workers: 1}))
	if got := finish(t, create(t, filepath.Join(t.TempDir(), "run"), c,
		Options{Workers: 5, Evaluator: uneven{}})); got != want {
		t.Error("with another number of workers, the end differs")
	}
	step := 11
	if testing.Short() {
		step = 200
	}
	for cut := 43; cut < 140; cut += step {
		dir := filepath.Join(t.TempDir(), "run")
		live := cutOff(t, dir, c, Options{Workers: 2}, cut)
		s, err := Open(dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}})
		if err != nil {
			t.Fatal(err)
		}
		if read := s.Snapshot(); fmt.Sprint(read.Rewards, read.Randoms, *read.Verdict) != fmt.Sprint(live.Rewards,
			live.Randoms, *live.Verdict) {
			t.Errorf("cut at event %d: the verdict read back differs:\n%+v\n%+v", cut, read.Verdict,
				live.Verdict)
		}
		if got := finish(t, s); got != want {
			t.Errorf("cut at event %d: the end differs", cut)
		}
	}
	again, err := Open(dir, Options{Evaluator: fake.Evaluator{}})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
	if v, err := audit.Verdict(dir); err != nil || fmt.Sprint(*v) != fmt.Sprint(*again.Snapshot().Verdict) {
		t.Errorf("the store's verdict is %+v, the search's %+v, %v", v, again.Snapshot().Verdict, err)
	}
	if r, err := audit.Verify(t.Context(), dir); err != nil || !r.OK || r.Proposals != 21 || r.Updates != 4 {
		t.Errorf("verify: %+v, %v; want 21 proposals and 4 updates repeated", r, err)
	}
	c.RandomEvery = 0
	c.Children = 14
	if got := finish(t, create(t, filepath.Join(t.TempDir(), "run"), c, Options{Workers: 1})); got == want {
		t.Error("a search without random cells ends the same")
	}
}

func TestVerifyNamesWhatIsWrongWithRandomCells(t *testing.T) {
	sound := filepath.Join(t.TempDir(), "sound")
	finish(t, create(t, sound, randomConfig(), Options{Workers: 1}))
	for _, damage := range []struct{ name, sql, want string }{
		{"a random cell's choice", "UPDATE trial SET choices = '[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]' WHERE id " +
			"= 2",
			"trial 2: the stream of random cells does not draw"},
		{"a random cell with a policy version", "UPDATE trial SET policy_version = 0 WHERE id = 2",
			"trial 2: the store has policy version 0; want -1"},
		{"a sample without a policy version", "UPDATE trial SET policy_version = -1 WHERE id = 3",
			"update 1: used trial 3, which is a random cell"},
		{"an update that used a random cell", "UPDATE policy_sample SET trial = 5 WHERE trial = 4",
			"update 1: used trial 5, which is a random cell"},
	} {
		dir := filepath.Join(t.TempDir(), "run")
		if err := os.CopyFS(dir, os.DirFS(sound)); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", filepath.Join(dir, "run.db"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(damage.sql); err != nil {
			t.Fatal(err)
		}
		db.Close()
		r, err := audit.Verify(t.Context(), dir)
		if found := strings.Join(r.Problems, "\n"); err != nil || r.OK || !strings.Contains(found, damage.want) {
			t.Errorf("%s: %v, problems %q; want %q", damage.name, err, found, damage.want)
		}
	}
}

func TestForksKeepRandomCellsAndMayChangeTheirNumber(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "parent")
	s := create(t, dir, randomConfig(), Options{Workers: 1})
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := s.Snapshot()
	s.Close()
	for _, f := range []struct {
		name    string
		every   int
		randoms int // in the end
	}{{"same", 3, 7}, {"none", 0, 4}, {"more", 2, 8}} {
		if testing.Short() && f.name == "none" {
			continue
		}
		r, err := ForkRun(dir, 2, f.name, func(c *nas.Config, _ *string) error { c.RandomEvery = f.every; return nil },
			nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(r.Dir, Options{Workers: 2, Evaluator: fake.Evaluator{Steps: 2}})
		if err != nil {
			t.Fatal(err)
		}
		before := s.Snapshot()
		if before.Proposed != 12 || len(before.Randoms) != 4 {
			t.Errorf("%s: starts with %d proposals, %d of them random; want 12 and 4", f.name, before.Proposed,
				len(before.Randoms))
		}
		if err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		v := s.Snapshot()
		s.Close()
		if len(v.Randoms) != f.randoms || v.Finished != 21 || v.Verdict == nil {
			t.Errorf("%s: %d random cells in %d proposals; want %d in 21", f.name, len(v.Randoms),
				v.Finished, f.randoms)
		}
		if same := fmt.Sprint(v.Rewards, v.Randoms) == fmt.Sprint(want.Rewards, want.Randoms); same != (f.every == 3) {
			t.Errorf("%s: the same future as the parent: %v", f.name, same)
		}
		if r, err := audit.Verify(t.Context(), r.Dir); err != nil || !r.OK || r.Proposals != 9 {
			t.Errorf("%s: %+v, %v", f.name, r, err)
		}
	}
}

func TestRepeatsAndFailuresOfRandomCellsCount(t *testing.T) {
	c := randomConfig()
	c.Blocks, c.Ops, c.Children = 1, "identity,max3x3", 45
	s := create(t, filepath.Join(t.TempDir(), "run"), c,
		Options{Workers: 3, Evaluator: fake.Evaluator{Fail: func(id int) error {
			if id%7 == 2 {
				return errors.New("no")
			}
			return nil
		}}})
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	v := s.Snapshot()
	cached, rewards := 0, 0
	for _, p := range s.owner.ledger.Proposals() {
		if p.Kind != nas.Random {
			continue
		}
		if p.CachedOf >= 0 {
			cached++
			if of := s.owner.ledger.Trial(p.CachedOf); of.Reward != p.Reward || of.State != p.State {
				t.Errorf("random cell %d is %s with %v; the trial it repeats is %s with %v", p.ID, p.State, p.Reward,
					of.State, of.Reward)
			}
		}
		if p.HasReward {
			rewards++
		}
	}
	if cached == 0 || rewards == 15 || v.Verdict.Randoms != rewards || len(v.Randoms) != rewards {
		t.Errorf("%d repeats, %d rewards among 15 random cells; the verdict has %d", cached, rewards, v.Verdict.Randoms)
	}
}

func TestRunsFromBeforeRandomCellsContinueWithoutAny(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := create(t, dir, testConfig(), Options{Workers: 1, OnEvent: func(e nas.Event) {
		if e.Kind == nas.ControllerUpdate {
			cancel()
		}
	}})
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	s.Close()
	db, err := sql.Open("sqlite", filepath.Join(dir, "run.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("UPDATE run SET config = json_remove(config, '$.shadow')"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if s, err = Open(dir, Options{Workers: 1, Evaluator: fake.Evaluator{Steps: 2}}); err != nil {
		t.Fatal(err)
	}
	got := finish(t, s)
	if v := s.Snapshot(); v.Verdict != nil || len(v.Randoms) != 0 ||
		slices.ContainsFunc(s.owner.ledger.Proposals(), func(p *nas.Trial) bool { return p.Kind == nas.Random }) {
		t.Errorf("random cells out of nowhere: %+v", v.Verdict)
	}
	if want := finish(t, create(t, filepath.Join(t.TempDir(), "run"), testConfig(), Options{Workers: 1})); got != want {
		t.Error("another end")
	}
}

func TestUpdateEventsHaveTheVerdict(t *testing.T) {
	c := randomConfig()
	c.Children, c.Blocks = 60, 3
	said := map[int][]string{}
	for _, workers := range []int{1, 4} {
		finish(t, create(t, filepath.Join(t.TempDir(), "run"), c,
			Options{Workers: workers, Evaluator: uneven{}, OnEvent: func(e nas.Event) {
				if e.Kind == nas.ControllerUpdate {
					said[workers] = append(said[workers], fmt.Sprint(e.Data["verdict"], e.Data["claim"], e.Data["gain"],
						e.Data["gain_low"], e.Data["gain_high"]))
				}
			}}))
	}
	if len(said[1]) != 10 || !slices.Equal(said[1], said[4]) {
		t.Errorf("verdicts differ with the number of workers:\n%q\n%q", said[1], said[4])
	}
	if !strings.HasPrefix(said[1][0], "too early to tell: 2 random cells") ||
		!strings.Contains(said[1][9], "the controller's last 20 average 0.") {
		t.Errorf("first %q, last %q", said[1][0], said[1][9])
	}
}

func TestRandomCellsAreDrawnUniformly(t *testing.T) {
	sp, err := testConfig().Space()
	if err != nil {
		t.Fatal(err)
	}
	u, err := record.Uniform(sp)
	if err != nil {
		t.Fatal(err)
	}
	const n = 3000
	arities := sp.Arities()
	counts := make([][]int, len(arities))
	for d, a := range arities {
		counts[d] = make([]int, a)
	}
	for id := range n {
		for d, x := range record.ProposeRandom(u, 7, id).Choices {
			counts[d][x]++
		}
	}
	for d, a := range arities {
		for x, k := range counts[d] {
			want := n / float64(a)
			if dev := (float64(k) - want) / math.Sqrt(want*(1-1/float64(a))); math.Abs(dev) > 4.5 {
				t.Errorf("decision %d takes %d %d times of %d; want about %.0f", d, x, k, n, want)
			}
		}
	}
}
