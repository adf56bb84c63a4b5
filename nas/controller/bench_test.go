package controller_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"nasnet/nas/controller"
	"nasnet/nas/rng"
)

// tableJSON is a table of 3^5 points in the format of NAS-Bench-Macro: additive, plus a little that is specific to each
// point, with three noisy trainings each.
func tableJSON(t *testing.T) string {
	t.Helper()
	r := rng.Stream(6, "test")
	worth := make([][3]float64, 5)
	for d := range worth {
		for k := range worth[d] {
			worth[d][k] = 1.5 * r.NormFloat64()
		}
	}
	rows := map[string]any{}
	for i := range 243 {
		key, mean := "", 88+0.2*r.NormFloat64()
		for d, n := 0, i; d < 5; d, n = d+1, n/3 {
			key += fmt.Sprint(n % 3)
			mean += worth[d][n%3]
		}
		acc := make([]float64, 3)
		for j := range acc {
			acc[j] = mean + 0.3*r.NormFloat64()
		}
		rows[key] = map[string]any{"test_acc": acc, "mean_acc": (acc[0] + acc[1] + acc[2]) / 3, "std": 0.3,
			"params": 890666}
	}
	b, err := json.Marshal(rows)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func readTable(t *testing.T, text string) *controller.Table {
	t.Helper()
	tab, err := controller.ReadTable(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func TestStrategiesBeatRandomOnATableAndTheShuffledControlDoesNot(t *testing.T) {
	tab := readTable(t, tableJSON(t))
	c := controller.Config{LearningRate: 0.02, Steps: 4, Normalize: true, Hidden: 12, Embedding: 6,
		Population: 20, Sample: 5}
	rep, err := controller.Benchmark(t.Context(), tab, controller.BenchOptions{Seeds: 4, Samples: 300, Config: &c})
	if err != nil {
		t.Fatal(err)
	}
	score := map[string]float64{}
	var names []string
	for _, r := range rep.Results {
		names = append(names, r.Strategy)
		score[r.Strategy] = r.BatchMean
		if len(r.Seeds) != 4 || r.Top1 < 80 || r.Top25 > r.Top1 || r.Top1 > 100 {
			t.Errorf("%+v", r)
		}
	}
	if got := strings.Join(names, " "); got != "ppo ppo-shuffled reinforce evolution random" {
		t.Errorf("strategies: %s", got)
	}
	for _, s := range []string{"ppo", "reinforce", "evolution"} {
		if gain := score[s] - score["random"]; gain < 1.5 {
			t.Errorf("%s gains %.2f points over random", s, gain)
		}
	}
	if gain := math.Abs(score[controller.Shuffled] - score["random"]); gain > 1.5 {
		t.Errorf("the shuffled control gains %.2f points over random", gain)
	}
}

func TestBenchmarkReportsTheSameOnAnyNumberOfCores(t *testing.T) {
	tab := readTable(t, tableJSON(t))
	c := controller.Config{Hidden: 8, Embedding: 4, Steps: 2}
	run := func(procs int) controller.BenchReport {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		rep, err := controller.Benchmark(t.Context(), tab,
			controller.BenchOptions{Seeds: 3, Samples: 45, Config: &c, Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	a, b := run(1), run(4)
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%+v\n%+v", a, b)
	}
	if got := a.Results[0].Seeds[2].Seed; got != 7 {
		t.Errorf("the third seed is %d; want 7", got)
	}
}

func TestBenchmarkOfOneBatchScoresExactly(t *testing.T) {
	// Two decisions; every training of a point gives its digits read as a number, so there is no noise.
	tab := readTable(t,
		`{"00":{"test_acc":[0]},"01":{"test_acc":[1]},"10":{"test_acc":[10]},"11":{"test_acc":[11,11,11]}}`)
	rep, err := controller.Benchmark(t.Context(), tab,
		controller.BenchOptions{Seeds: 1, Samples: 30, Batch: 30, Strategies: []string{"random"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := controller.New([]int{2, 2}, controller.Config{Strategy: "random"})
	if err != nil {
		t.Fatal(err)
	}
	mean, seen := 0.0, map[float64]bool{}
	for i := range 30 {
		p := c.Propose(rng.Stream(0, "propose", uint64(i)))
		v := float64(10*p.Choices[0] + p.Choices[1])
		mean += v / 30
		seen[v] = true
	}
	all := 0.0
	for v := range seen {
		all += v / float64(len(seen))
	}
	r := rep.Results[0]
	if math.Abs(r.BatchMean-mean) > 1e-9 || r.Top1 != 11 || math.Abs(r.Top25-all) > 1e-9 ||
		r.Seeds[0].Distinct != len(seen) || r.Seeds[0].Entropy != 1 {
		t.Errorf("%+v; want batch mean %v, top1 11, top25 %v (all points seen)", r, mean, all)
	}
}

func TestImpossibleBenchmarksAreRefused(t *testing.T) {
	tab := readTable(t, tableJSON(t))
	if _, err := controller.Benchmark(t.Context(), tab, controller.BenchOptions{Seeds: -1}); err == nil {
		t.Error("-1 seeds were accepted")
	}
	_, err := controller.Benchmark(t.Context(), tab, controller.BenchOptions{Strategies: []string{"magic"}})
	if err == nil || !strings.Contains(err.Error(), "magic") {
		t.Errorf("unknown strategy: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := controller.Benchmark(ctx, tab, controller.BenchOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestImpossibleTablesAreRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", ``, "end of JSON"},
		{"a list", `[]`, "cannot unmarshal"},
		{"no rows", `{}`, "nothing to search"},
		{"keys of two lengths", `{"00":{"test_acc":[1]},"1":{"test_acc":[1]}}`, "digits"},
		{"letters", `{"0a":{"test_acc":[1]}}`, "want digits"},
		{"a row without accuracies", `{"0":{"test_acc":[1]},"1":{}}`, `"1" has no test_acc`},
		{"a missing combination", `{"00":{"test_acc":[1]},"01":{"test_acc":[1]},"11":{"test_acc":[1]}}`,
			"not every combination"},
		{"a row twice", `{"0":{"test_acc":[1]},"1":{"test_acc":[1]},"1":{"test_acc":[2]}}`, `"1" occurs twice`},
		{"an accuracy above 100 %", `{"0":{"test_acc":[1]},"1":{"test_acc":[101]}}`, "accuracy 101; want percent"},
		{"a negative mean", `{"0":{"test_acc":[1]},"1":{"test_acc":[1],"mean_acc":-1}}`,
			"accuracy -1; want percent"},
		{"nothing to choose", `{"00":{"test_acc":[1]}}`, "nothing to search"},
	} {
		if _, err := controller.ReadTable(strings.NewReader(c.text)); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v; want one with %q", c.name, err, c.want)
		}
	}
}

// NASNET_BENCH_TABLE names the JSON of NAS-Bench-Macro, which is not part of this project. Ten seeds of 400 samples
// take about 20 seconds on two cores.
func TestPPOBeatsRandomOnNASBenchMacro(t *testing.T) {
	path := os.Getenv("NASNET_BENCH_TABLE")
	if path == "" {
		t.Skip("NASNET_BENCH_TABLE is not set")
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tab, err := controller.ReadTable(f)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := controller.Benchmark(t.Context(), tab, controller.BenchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	score := map[string]float64{}
	for _, r := range rep.Results {
		score[r.Strategy] = r.BatchMean
		t.Logf("%-13s last batch %.2f±%.2f  top-1 %.2f  top-25 %.2f±%.2f", r.Strategy, r.BatchMean, r.BatchMeanSE,
			r.Top1, r.Top25, r.Top25SE)
	}
	if gain := score["ppo"] - score["random"]; gain < 1.5 {
		t.Errorf("ppo gains %.2f points over random; want 1.5", gain)
	}
	if gain := score[controller.Shuffled] - score["random"]; gain > 1 {
		t.Errorf("the shuffled control gains %.2f points over random", gain)
	}
}
