package tui

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"nasnet/nas"
	"nasnet/nas/child"
	"nasnet/nas/experiment"
	"nasnet/nas/space"
)

// noon is the frozen clock of the fixtures.
var noon = time.Date(2026, 3, 14, 12, 41, 7, 0, time.UTC)

// fakeEngine is an engine with a snapshot that the test sets. It remembers commands and answers them at once.
type fakeEngine struct {
	mu      sync.Mutex
	snap    *nas.Snapshot
	did     []nas.Command
	refuse  error
	updated chan struct{}
	files   map[string]string // by path
}

// write keeps a file.
func (f *fakeEngine) write(dir, name string, content []byte) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuse != nil {
		return "", f.refuse
	}
	if f.files == nil {
		f.files = map[string]string{}
	}
	f.files[name] = string(content)
	return dir + "/exports/" + name, nil
}

func newFake(s *nas.Snapshot) *fakeEngine {
	return &fakeEngine{snap: s, updated: make(chan struct{}, 1)}
}

func (f *fakeEngine) Snapshot() *nas.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.snap
}

func (f *fakeEngine) Subscribe() (<-chan struct{}, func()) { return f.updated, func() {} }

func (f *fakeEngine) Do(_ context.Context, c nas.Command) (nas.Reply, error) {
	f.mu.Lock()
	f.did = append(f.did, c)
	if f.refuse != nil {
		f.mu.Unlock()
		return nas.Reply{}, f.refuse
	}
	s := *f.snap
	f.mu.Unlock()
	switch c.Do {
	case nas.Toggle:
		if s.State = nas.Paused; f.snap.State == nas.Paused {
			s.State = nas.Running
		}
	case nas.SetWorkers:
		s.Workers = c.N
	case nas.Stop:
		s.State = nas.Stopped
	case nas.Drain:
		s.State = nas.Draining
	}
	f.publish(&s)
	return nas.Reply{Message: string(c.Do) + " done"}, nil
}

func (f *fakeEngine) publish(s *nas.Snapshot) {
	f.mu.Lock()
	s.Version = f.snap.Version + 1
	f.snap = s
	f.mu.Unlock()
	select {
	case f.updated <- struct{}{}:
	default:
	}
}

func (f *fakeEngine) commands() []nas.Command {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]nas.Command(nil), f.did...)
}

func mustCell(name string) space.Genotype {
	k, err := space.Lookup(name)
	if err != nil {
		panic(err)
	}
	return k.Genotype
}

// curveOf makes n epochs that rise to acc.
func curveOf(n, of int, acc float64) (out []child.EpochResult) {
	for i := range n {
		x := float64(i+1) / float64(of)
		a := acc * (1 - 0.6*math.Exp(-4*x))
		out = append(out, child.EpochResult{Epoch: i + 1, LR: 0.025 * (1 + math.Cos(math.Pi*x)) / 2, Keep: 1 - 0.4*x,
			TrainLoss: 2.2 * math.Exp(-1.4*x),
			TrainAcc:  a * 1.04, ValLoss: 2.1 * math.Exp(-1.2*x), ValAcc: a, Seconds: 8, Images: 45000})
	}
	return out
}

func trialOf(id int, g space.Genotype, kind nas.Kind, state nas.State, epoch, epochs int, acc float64) nas.TrialView {
	v := nas.TrialView{ID: id, State: state, Origin: nas.Origin{Kind: kind, Batch: id / 8, Policy: max(0, id/8-1),
		Parent: -1, Genotype: g, Cell: g.ShortHash(), CachedOf: -1},
		Result: nas.Result{Params: 310_000 + int64(id%7)*17_000, MAdds: 41_200_000 + int64(id%11)*1_300_000,
			Started: noon.Add(-time.Duration(epoch*8) * time.Second)},
		Training: nas.Training{Epoch: epoch, Epochs: epochs, Curve: curveOf(epoch, epochs, acc)}}
	switch state {
	case nas.Running, nas.Paused:
		v.Progress = (float64(epoch) + 0.4) / float64(epochs)
		v.Loss = 2.2 * math.Exp(-1.4*v.Progress)
		v.LR, v.Keep, v.ImageRate = 0.0146, 1-0.4*v.Progress, 398+float64(id%50)
		v.Left = time.Duration(float64(time.Second) * 160 * (1 - v.Progress)).Round(time.Second)
	case nas.Done:
		v.Curve[epoch-1].ValAcc = acc
		v.Progress, v.Reward, v.HasReward, v.Finished, v.Seconds = 1, acc, true,
			noon.Add(-time.Duration(id%60)*time.Second), 163
	}
	return v
}

// snapshots are the fixtures: what a search looks like at different times.
var snapshots = map[string]func() *nas.Snapshot{
	"fresh": fresh, "first": first, "busy": busy, "paused": paused, "done": done, "trouble": trouble,
	"collapsed": collapsed, "stops": stops, "costs": costs, "retrained": retrained,
}

// retrained is busy with a ladder of best cells and baselines at two rungs, partly trained.
func retrained() *nas.Snapshot {
	s := busy()
	s.Retrains = nil
	id := nas.FirstManual + 10
	add := func(of nas.TrialView, filters int, seed uint64, state nas.State, acc float64) {
		v := trialOf(id, of.Genotype, nas.Retrained, state, 20, 20, acc)
		id++
		v.Parent, v.Batch, v.Policy = of.ID, -1, -1
		net := s.Config.Net
		net.Filters = filters
		v.Params, v.MAdds = v.Params*int64(filters)/16, v.MAdds*int64(filters)/16*int64(filters)/16-int64(of.ID)*1000
		v.Retrain = &nas.RetrainSpec{Data: nas.DataSpec{Name: "cifar10", Image: 32, Test: true},
			Setup: child.Setup{Net: net, Train: s.Config.Train}, Seed: seed}
		if of.HasReward {
			v.Found = &nas.Found{Trial: of.ID, Kind: of.Kind, Reward: of.Reward}
		}
		s.Retrains = append([]nas.TrialView{v}, s.Retrains...)
	}
	plain := nas.TrialView{Origin: nas.Origin{Genotype: experiment.Baselines()[1].Genotype}}
	for i, acc := range []float64{0.902, 0.911, 0.897, 0.884, 0.889} {
		of := s.Top[2*i]
		if i == 3 {
			of.Kind = nas.Random
		}
		add(of, 16, 1, nas.Done, acc)
		add(of, 16, 2, nas.Done, acc+0.004*float64(i%3))
	}
	add(plain, 16, 1, nas.Done, 0.893)
	add(s.Top[0], 32, 1, nas.Done, 0.931)
	add(s.Top[2], 32, 1, nas.Proposed, 0)
	add(nas.TrialView{Origin: nas.Origin{Genotype: randomCell(99)}}, 32, 1, nas.Failed, 0)
	s.Retrains[0].FailKind, s.Retrains[0].FailText = "diverged", "loss is NaN at step 61"
	return s
}

// costs returns busy's snapshot with multiply-adds in the reward, and latencies of all best cells except one.
func costs() *nas.Snapshot {
	s := busy()
	s.Config.Cost = nas.CostTerm{By: nas.ByMAdds, Target: 45e6, Weight: -0.07}
	s.Top = slices.Clone(s.Top)
	for i := range s.Top {
		v := &s.Top[i]
		v.MAdds = 60_000_000 - int64(i*i%37)*1_000_000 - int64(i)*200_000
		v.Params = v.MAdds / 130
		if i != 3 {
			v.Latency = float64(v.MAdds)/20e6 + float64(i*7%5)*0.2
		}
		v.Reward *= math.Pow(float64(v.MAdds)/45e6, -0.07)
	}
	slices.SortStableFunc(s.Top, func(a, b nas.TrialView) int { return cmp.Compare(b.Reward, a.Reward) })
	s.Best = &s.Top[0]
	return s
}

// stops is busy with a second child stopped by hand.
func stops() *nas.Snapshot {
	s := busy()
	x := s.Recent[3]
	x.ID = 1270
	s.Recent = append(s.Recent, x)
	return s
}

func config() nas.Config {
	c, err := nas.PresetNamed("cifar")
	if err != nil {
		panic(err)
	}
	c.Name, c.Workers = "cifar10-a17", 4
	c.Net.N, c.Net.Filters = 2, 16
	c.TrainImages, c.Batch = 45000, 8
	return c
}

// fresh: no child has finished yet.
func fresh() *nas.Snapshot {
	c := config()
	g := randomCell(1)
	r := trialOf(0, g, nas.Sampled, nas.Running, 0, 20, 0.5)
	return &nas.Snapshot{Version: 1, Time: noon, State: nas.Running, Elapsed: 9 * time.Second, Workers: 4,
		ImageRate: 412, Proposed: 8, Distinct: 8, Running: []nas.TrialView{r},
		Policy: nas.PolicyView{Entropy: 45.2, MaxEntropy: 45.2},
		Events: []nas.Event{{Time: noon.Add(-9 * time.Second), Level: nas.Info, Kind: nas.RunStarted, Run: c.Name,
			Trial: -1, Data: map[string]any{"strategy": "ppo", "data": "cifar10", "seed": 1.0}}},
		Identity: nas.Identity{UUID: "0f0e0d0c", Dir: "checkpoints/cifar10-a17", ForkAt: -1, Config: c,
			Kernels: "avx512"}}
}

// first: one child has finished, and there is no update yet.
func first() *nas.Snapshot {
	s := fresh()
	t := trialOf(0, randomCell(1), nas.Sampled, nas.Done, 20, 20, 0.5123)
	s.Version, s.Finished, s.Elapsed = 2, 1, 170*time.Second
	s.Rewards = []nas.RewardPoint{{Trial: 0, Reward: t.Reward, Mean: t.Reward, Best: t.Reward}}
	s.Verdict = &nas.Verdict{Claim: nas.Early, Text: "too early to tell: 0 random cells", Window: 1,
		Controller: t.Reward}
	s.Best, s.Top, s.Recent = &t, []nas.TrialView{t}, []nas.TrialView{t}
	s.Running = []nas.TrialView{trialOf(1, randomCell(2), nas.Sampled, nas.Running, 1, 20, 0.4)}
	return s
}

func randomCell(seed uint64) space.Genotype {
	sp, err := space.New("seed-14", 5)
	if err != nil {
		panic(err)
	}
	g, err := sp.Decode(sp.Random(rand.New(rand.NewPCG(seed, 1))))
	if err != nil {
		panic(err)
	}
	return g
}

// busy: a long search halfway, with a submitted cell and a retrain among its children.
func busy() *nas.Snapshot {
	s := fresh()
	s.Version, s.Elapsed, s.ETA = 90, 18*time.Hour+5*time.Minute, 10*24*time.Hour+23*time.Hour
	s.Proposed, s.Finished, s.Failed, s.Cached, s.Distinct, s.ImageRate = 1288, 1284, 3, 83, 1201, 1684
	r := rand.New(rand.NewPCG(3, 3))
	best, mean := 0.0, 0.55
	for i := range 1284 {
		x := float64(i) / 1284
		mean = 0.55 + 0.18*(1-math.Exp(-3*x)) + 0.004*math.Sin(float64(i)/23)
		reward := mean + 0.02*r.NormFloat64()
		best = max(best, min(reward, 0.7714))
		s.Rewards = append(s.Rewards, nas.RewardPoint{Trial: i, Reward: reward, Mean: mean, Best: best})
		if i%10 == 9 {
			s.Randoms = append(s.Randoms, nas.RewardPoint{Trial: i, Mean: 0.553 +
				0.006*math.Sin(float64(i)/100), Best: 0.61})
		}
	}
	s.Verdict = &nas.Verdict{Claim: nas.Better, Text: "beats random: the controller's last 20 average 0.718 against " +
		"0.553 for " +
		"random cells: +0.165 (95 % 0.151 to 0.179)", Window: 20, Randoms: 128,
		Controller: 0.718, Random: 0.553, Gain: 0.165, Low: 0.151, High: 0.179,
		Tops: []nas.TopPoint{{N: 128, Controller: [3]float64{0.661, 0.652, 0.640},
			Random: [3]float64{0.610, 0.603, 0.592}}}}
	last := &s.Rewards[len(s.Rewards)-1]
	last.Reward, last.Best = 0.7512, 0.7714
	nasnet := mustCell("nasnet-a")
	top := trialOf(1107, nasnet, nas.Sampled, nas.Done, 20, 20, 0.7714)
	top.Star, top.Note = true, "as NASNet-A"
	s.Top = []nas.TrialView{top}
	for i, acc := range []float64{0.7689, 0.7655, 0.7512, 0.7498, 0.7441, 0.7390, 0.7388, 0.7301, 0.7255,
		0.7201, 0.7150} {
		s.Top = append(s.Top, trialOf(900+37*i, randomCell(uint64(10+i)), nas.Sampled, nas.Done, 20, 20, acc))
	}
	s.Best = &s.Top[0]
	again := trialOf(nas.FirstManual+1, nasnet, nas.Retrained, nas.Running, 11, 20, 0.74)
	again.Parent = 1107
	again.Batch, again.Policy = -1, -1
	again.Retrain = &nas.RetrainSpec{Data: nas.DataSpec{Name: "cifar10", Image: 32, TrainImages: 45000,
		ValImages: s.Config.ValImages}, Setup: child.Setup{Net: s.Config.Net, Train: s.Config.Train}, Seed: 3}
	hand := trialOf(nas.FirstManual, randomCell(77), nas.Submitted, nas.Running, 18, 20, 0.76)
	hand.Parent, hand.Batch, hand.Policy = 1107, -1, -1
	s.Running = []nas.TrialView{trialOf(1285, randomCell(50), nas.Sampled, nas.Running, 2, 20, 0.6),
		trialOf(1286, randomCell(51), nas.Sampled, nas.Running, 4, 20, 0.62), again, hand}
	failed := trialOf(1280, randomCell(60), nas.Sampled, nas.Failed, 0, 20, 0)
	failed.FailKind, failed.FailText = "diverged", "loss is NaN at step 61"
	repeat := trialOf(1279, s.Top[3].Genotype, nas.Sampled, nas.Done, 20, 20, 0.7512)
	repeat.CachedOf, repeat.Seconds = s.Top[3].ID, 0
	ended := trialOf(1282, s.Top[3].Genotype, nas.Sampled, nas.Done, 20, 20, 0.7512)
	stopped := trialOf(1277, randomCell(61), nas.Sampled, nas.Stopped, 7, 20, 0.5)
	stopped.FailKind, stopped.FailText = "stopped", "stopped by the user"
	s.Recent = []nas.TrialView{ended, failed, repeat, stopped}
	once := trialOf(nas.FirstManual-0+7, nasnet, nas.Retrained, nas.Done, 20, 20, 0.7668)
	once.Parent, once.Batch, once.Policy = 1107, -1, -1
	once.Retrain = &nas.RetrainSpec{Data: nas.DataSpec{Name: "cifar10", Image: 32, TrainImages: 45000,
		ValImages: s.Config.ValImages}, Setup: child.Setup{Net: s.Config.Net, Train: s.Config.Train}, Seed: 2}
	s.Retrains = []nas.TrialView{again, once}
	for v := 1; v <= 160; v++ {
		x := float64(v) / 160
		s.Updates = append(s.Updates, nas.PolicyView{Version: v, Baseline: 0.55 + 0.178*(1-math.Exp(-3*x)),
			MeanReward: 0.552 + 0.18*(1-math.Exp(-3*x)) + 0.01*r.NormFloat64(),
			MaxReward:  0.7 + 0.07*x, Entropy: 45.2 - 24*x*x, MaxEntropy: 45.2, KL: 0.002 + 0.01*r.Float64(),
			ClipFraction: 0.05 + 0.1*r.Float64(), GradNorm: 0.3 + 0.2*r.Float64(), Samples: 8})
	}
	s.Policy = s.Updates[159]
	s.Beliefs = beliefsOf(s.Config, 160, 0.9)
	s.Events[0].Time = noon.Add(-s.Elapsed)
	at := func(d time.Duration, kind nas.EventKind, trial int, data map[string]any) {
		s.Events = append(s.Events, nas.NewEvent(noon.Add(-d), s.Config.Name, kind, trial, data))
	}
	at(9*time.Minute, nas.UserCommand, -1, map[string]any{"do": "pause",
		"message": "paused with 4 children in training"})
	at(8*time.Minute, nas.UserCommand, -1, map[string]any{"do": "resume", "message": "resumed the search"})
	at(7*time.Minute, nas.TrialStarted, 1280, map[string]any{"cell": failed.Cell, "kind": "sample", "attempt": 1})
	at(6*time.Minute, nas.TrialFailed, 1280, map[string]any{"fail_kind": "diverged", "kind": "sample",
		"error": "loss is NaN at step 61", "cell": failed.Cell})
	at(5*time.Minute, nas.UserCommand, nas.FirstManual+1,
		map[string]any{"do": "retrain", "message": "retrain h2: cell is queued"})
	at(4*time.Minute, nas.TrialStarted, 1285, map[string]any{"cell": s.Running[0].Cell, "kind": "sample", "attempt": 1})
	at(3*time.Minute, nas.EpochEnded, 1286, map[string]any{"epoch": 4, "epochs": 20, "train_loss": 1.22,
		"val_acc": .561, "cell": s.Running[1].Cell})
	at(19*time.Second, nas.ControllerUpdate, -1, map[string]any{"version": 160, "mean_reward": 0.7322,
		"baseline": 0.728, "entropy": 21.4, "kl": 0.0061})
	at(0, nas.TrialFinished, 1282, map[string]any{"reward": 0.7512, "cell": ended.Cell, "kind": "sample",
		"params": 220000, "advantage": 0.0232, "best_by": 0.0041})
	return s
}

// beliefsOf makes up a policy with most probable choices of about the given probability, and its history.
func beliefsOf(c nas.Config, version int, sure float64) *nas.Beliefs {
	sp, err := c.Space()
	if err != nil {
		panic(err)
	}
	b := &nas.Beliefs{Version: version, Exact: true}
	r := rand.New(rand.NewPCG(5, 5))
	var last []float64
	for _, n := range sp.Arities() {
		row, sum, h := make([]float64, n), 0.0, 0.0
		for i := range row {
			row[i] = math.Exp(1.5 * r.NormFloat64())
			sum += row[i]
		}
		k, p := r.IntN(n), sure*(0.4+0.6*r.Float64())
		for i := range row {
			row[i] *= (1 - p) / sum
		}
		row[k] += p
		for _, p := range row {
			h -= p * math.Log(p)
		}
		b.Probabilities, last = append(b.Probabilities, row), append(last, h)
	}
	for i := range 40 {
		e := nas.EntropyPoint{Batch: version * i / 39}
		for d, n := range sp.Arities() {
			e.Nats = append(e.Nats, math.Log(float64(n))+(last[d]-math.Log(float64(n)))*math.Pow(float64(i)/39,
				1+float64(d%3)))
		}
		b.Entropy = append(b.Entropy, e)
	}
	return b
}

// collapsed: a policy that proposes almost the same cell each time.
func collapsed() *nas.Snapshot {
	s := busy()
	for i := range s.Updates {
		s.Updates[i].Entropy = max(2.1, 45.2-0.4*float64(i*i)/100)
	}
	s.Updates[159].Entropy = 2.1
	s.Policy = s.Updates[159]
	s.Beliefs = beliefsOf(s.Config, 160, 0.999)
	return s
}

func paused() *nas.Snapshot {
	s := busy()
	s.State, s.Reason, s.ImageRate = nas.Paused, "all trials of 2 batches in a row failed", 0
	for i := range s.Running {
		s.Running[i].State, s.Running[i].ImageRate, s.Running[i].Left = nas.Paused, 0, 0
	}
	return s
}

func done() *nas.Snapshot {
	s := busy()
	s.State, s.Running, s.ETA, s.ImageRate = nas.Done, nil, 0, 0
	s.Config.Children, s.Proposed = 1284, 1284
	return s
}

// trouble: hostile text from outside, and values that are no numbers.
func trouble() *nas.Snapshot {
	s := busy()
	evil := "\x1b[2J\x1b]0;owned\a界界\u202eabc\r\nline two\x00\x9b31m" + fmt.Sprint(s.Config.Name)
	s.Config.Name, s.Config.Data, s.Dir, s.Kernels, s.Reason, s.Parent = evil, evil, evil, evil, evil, evil
	s.Top[0].Note = evil
	s.Running[0].Loss, s.Running[1].Reward = math.NaN(), math.Inf(1)
	s.Running[0].Curve = []child.EpochResult{{ValAcc: math.NaN(), TrainLoss: math.Inf(1)}}
	s.Recent[1].FailText = evil
	s.Rewards[700].Mean = math.NaN()
	s.Updates[10].Entropy = math.Inf(-1)
	s.Events = append(s.Events, nas.Event{Time: noon, Level: nas.Error, Kind: nas.EventKind(evil), Trial: -1,
		Data: map[string]any{"message": evil}})
	return s
}

// fakePlan makes a plan of a training of 60,000 images.
func fakePlan(g space.Genotype, s nas.RetrainSpec) (p Plan, err error) {
	p.Cost, err = fakeCost(g, s.Net)
	p.Trainable, p.Bytes, p.Images = p.Params, 1<<20*int64(s.Train.Batch), s.Data.TrainImages
	if p.Images == 0 {
		p.Images = 60_000
	}
	scale := func(n, f, image int) int64 { return int64(n * f * f * image * image) }
	// like the cells of the fake search
	p.MAdds = 42_000_000 * scale(s.Net.N, s.Net.Filters, s.Net.Image) / scale(2, 16, 32)
	return p, err
}

// fakeEstimate takes a second for 1e10 multiply-adds of training, and fails on the largest cells.
func fakeEstimate(_ context.Context, g space.Genotype, s nas.RetrainSpec) (e child.Estimate, err error) {
	p, err := fakePlan(g, s)
	if err == nil && s.Net.Filters > 100 {
		err = errors.New("too large to measure")
	}
	e.EpochSeconds = float64(p.Images) * float64(p.MAdds) / 1e10
	return e, err
}

// fakeLatency measures a made-up network, and fails on the largest cells.
func fakeLatency(g space.Genotype, s nas.RetrainSpec) (child.Latency, error) {
	net := s.Net
	c, err := fakeCost(g, net)
	if err == nil && net.Filters > 100 {
		err = errors.New("too large to measure")
	}
	ms := float64(c.MAdds) / 1e7
	l := child.Latency{Cost: c, Net: net, Batches: []int{1, 32},
		Network: []child.LatencyPoint{{Batch: 1, Threads: 1, MS: ms},
			{Batch: 1, Threads: 2, Branches: true, MS: ms * 0.8},
			{Batch: 32, Threads: 1, MS: 25 * ms}, {Batch: 32, Threads: 2, MS: 14 * ms},
			{Batch: 32, Threads: 2, Branches: true, MS: 21 * ms}}}
	for _, kind := range []string{"normal", "reduction"} {
		cell, _ := g.Cell(kind)
		for i, b := range cell.Blocks {
			for k, name := range []string{b.Op1, b.Op2} {
				op, _ := space.OpByName(name)
				l.Operands = append(l.Operands, child.OperandLatency{Cell: kind, Block: i, Operand: k + 1, Op: name,
					MS: []float64{0.01 * float64(op.Kernel*op.Kernel), 0.2 * float64(op.Kernel*op.Kernel)}})
			}
		}
	}
	return l, err
}

// fakeCost counts a made-up network: its ops by the size of their windows.
func fakeCost(g space.Genotype, net child.NetConfig) (Cost, error) {
	var c Cost
	for _, cell := range []space.Cell{g.Normal, g.Reduction} {
		for _, b := range cell.Blocks {
			for _, name := range []string{b.Op1, b.Op2} {
				op, _ := space.OpByName(name)
				c.Params += int64(op.Kernel * op.Kernel * net.Filters * (3*net.N + 2) * 10)
				c.MAdds += int64(op.Kernel*op.Kernel) * 150_000
			}
		}
	}
	return c, nil
}

// earlier is busy three hours earlier: fewer children, another best cell, a less certain policy.
func earlier() *nas.Snapshot {
	s := busy()
	s.Version, s.Time, s.ETA = 40, noon.Add(-3*time.Hour), s.ETA-20*time.Hour
	s.Finished, s.Failed, s.Cached = 1064, 1, 60
	s.Top = s.Top[1:]
	s.Best = &s.Top[0]
	s.Updates = s.Updates[:133]
	s.Policy = s.Updates[132]
	s.Beliefs = beliefsOf(s.Config, 133, 0.5)
	return s
}
