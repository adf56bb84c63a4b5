package nas

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
)

// Verdict says whether the controller beats random search. It compares the rewards of the latest samples with those of
// the random cells, which are drawn uniformly and trained under the same conditions. Trials without a reward (failed,
// stopped) and inherited trials do not count.
type Verdict struct {
	Claim string `json:"claim"` // Early, Unclear, Better or Worse
	Text  string `json:"text"`  // the answer in one plain sentence: its words, a colon, the numbers

	// number of samples compared: the latest, at most verdictWindow
	Window     int     `json:"window"`
	Randoms    int     `json:"randoms"`    // random cells with a reward
	Controller float64 `json:"controller"` // mean of the window
	Random     float64 `json:"random"`     // mean of the latest verdictRandoms random cells
	Gain       float64 `json:"gain"`       // Controller - Random
	// Low to High is the 95 % interval of the gain; both are 0 while the claim is Early
	Low  float64 `json:"low"`
	High float64 `json:"high"`

	// the best cells of each side after equal numbers of proposals, up to as many as both have
	Tops []TopPoint `json:"tops,omitempty"`
}

// TopPoint holds, for the controller and for random cells, the mean rewards of the best 1, 5 and 25 different cells
// among the first N proposals with a reward. A mean is 0 while there are fewer cells.
type TopPoint struct {
	N          int        `json:"n"`
	Controller [3]float64 `json:"controller"`
	Random     [3]float64 `json:"random"`
}

// TopText compares in words the best cells of both sides after equal numbers of proposals. It is empty while there is
// nothing to compare.
func (v *Verdict) TopText() string {
	if v == nil || len(v.Tops) == 0 {
		return ""
	}
	last := v.Tops[len(v.Tops)-1]
	var parts []string
	for i, k := range topSizes {
		if last.Controller[i] > 0 && last.Random[i] > 0 {
			what := "best cell"
			if k > 1 {
				what = fmt.Sprintf("mean of the best %d", k)
			}
			parts = append(parts, fmt.Sprintf("%s %.3f against %.3f", what, last.Controller[i], last.Random[i]))
		}
	}
	if parts == nil {
		return ""
	}
	return fmt.Sprintf("after %s of each: %s", FormatCount(last.N, "proposal", "proposals"), strings.Join(parts, ", "))
}

// topSizes are the numbers of cells that TopPoint averages (paper, figure 4).
var topSizes = [3]int{1, 5, 25}

// Claims of a verdict. Better and Worse are claims about the whole run: if the controller is no better than random, at
// most 5 % of runs ever claim either, however often one looks. The 95 % of the interval apply only to a single look. If
// the interval excludes zero, but not clearly enough for a claim, the text says "perhaps".
const (
	Early   = "early"   // too few rewards to tell
	Unclear = "unclear" // any difference may be chance
	Better  = "better"
	Worse   = "worse"
)

const (
	verdictWindow  = 20   // samples: one or two batches of the presets, so that the verdict follows the policy
	verdictRandoms = 200  // with as many, the mean of random cells has a tenth of the window's variance
	verdictLeast   = 10   // samples needed for any statement
	verdictCells   = 5    // different cells per side needed for any statement: fewer show no spread to judge by
	resamples      = 1000 // of the bootstrap: the interval ends at about the 20th lowest and highest
	verdictSure    = 10   // different random cells needed for a claim, besides a full window
	// see certain; chosen so that at most 5 % of simulated runs without a difference make a claim, even if rewards have
	// two humps
	verdictAlpha = 0.012
	topPoints    = 100 // at most, in Tops
)

// Rewarded is a reward of a cell, named by its hash.
type Rewarded struct {
	Cell   string
	Reward float64
}

// Judge compares the controller's rewards with those of random cells, both in proposal order. It returns nil if the run
// has no random cells.
func (c Config) Judge(controller, random []Rewarded) *Verdict {
	if c.RandomEvery == 0 && len(random) == 0 {
		return nil
	}
	planned := c.Children
	if c.RandomEvery > 0 {
		planned -= planned / c.RandomEvery
	}
	v := judge(controller, random, planned)
	return &v
}

// judge compares the controller's rewards with those of random cells; planned is the number of samples in the finished
// run. Except for the tops, its cost does not grow with the run.
func judge(controller, random []Rewarded, planned int) Verdict {
	v := Verdict{Claim: Early, Randoms: len(random), Tops: tops(controller, random)}
	window := controller[max(0, len(controller)-verdictWindow):]
	a, b := cellsOf(window), cellsOf(random[max(0, len(random)-verdictRandoms):])
	v.Window, v.Controller, v.Random = len(window), mean(a), mean(b)
	if len(a) > 0 && len(b) > 0 {
		v.Gain = v.Controller - v.Random
	}
	means := fmt.Sprintf("the controller's last %d average %.3f against %.3f for random cells", v.Window,
		v.Controller, v.Random)
	switch {
	case len(random) < verdictCells:
		v.Text = fmt.Sprintf("too early to tell: %s", FormatCount(len(random), "random cell", "random cells"))
		return v
	case len(controller) < verdictLeast:
		v.Text = fmt.Sprintf("too early to tell: %s with a reward",
			FormatCount(len(controller), "sample", "samples"))
		return v
	case len(a) < verdictCells || len(b) < verdictCells:
		v.Text = fmt.Sprintf("too few different cells to tell: %d from the controller, %d random; %s", len(a),
			len(b), means)
		return v
	}
	v.Low, v.High = band(a, b)
	sure := len(window) == verdictWindow && certain(a, b, planned) && (v.Low > 0 || v.High < 0)
	numbers := fmt.Sprintf("%s: %+.3f (95 %% %.3f to %.3f)", means, v.Gain, v.Low, v.High)
	switch {
	case sure && v.Gain > 0:
		v.Claim, v.Text = Better, "beats random: "+numbers
	case sure:
		v.Claim, v.Text = Worse, "worse than random: "+numbers
	case v.Low > 0:
		v.Claim, v.Text = Unclear, "perhaps better than random: "+numbers
	case v.High < 0:
		v.Claim, v.Text = Unclear, "perhaps worse than random: "+numbers
	default:
		v.Claim, v.Text = Unclear, "no better than random so far: "+numbers
	}
	return v
}

// certain reports whether a difference is large enough for a claim. The chance of a false claim is divided evenly among
// the windows that fit into the planned samples. Looks within one window are many but much alike, which is why
// verdictAlpha is below 5 %.
func certain(a, b []cell, planned int) bool {
	if len(b) < verdictSure {
		return false
	}
	windows := max(1, (planned+verdictWindow-1)/verdictWindow)
	_, df := spread(a, b)
	vb := meanVariance(b)
	// Rewards of a window that happen to be close together make it no more certain: assume at least the variance of
	// random cells.
	va := max(meanVariance(a), vb*float64(len(b))/float64(len(a)))
	return math.Abs(mean(a)-mean(b)) > tQuantile(1-verdictAlpha/float64(windows)/2, df)*math.Sqrt(va+vb)
}

// cell sums the rewards of one cell. Repeats of a cell share its luck, so chance acts on cells, not on proposals.
type cell struct{ sum, n float64 }

func cellsOf(os []Rewarded) (cells []cell) {
	at := map[string]int{}
	for _, o := range os {
		i, ok := at[o.Cell]
		if !ok {
			i = len(cells)
			at[o.Cell], cells = i, append(cells, cell{})
		}
		cells[i].sum += o.Reward
		cells[i].n++
	}
	return cells
}

// mean returns the mean reward, 0 without any.
func mean(cells []cell) float64 {
	var sum, n float64
	for _, c := range cells {
		sum += c.sum
		n += c.n
	}
	if n == 0 {
		return 0
	}
	return sum / n
}

// meanVariance returns the variance of mean, which is a ratio of sums over cells.
func meanVariance(cells []cell) float64 {
	m, n, ss := mean(cells), 0.0, 0.0
	for _, c := range cells {
		d := c.sum - m*c.n
		ss += d * d
		n += c.n
	}
	k := float64(len(cells))
	return ss / (n * n) * k / (k - 1)
}

// spread returns the standard error of the difference of means and its degrees of freedom (Welch, Satterthwaite).
func spread(a, b []cell) (se, df float64) {
	va, vb := meanVariance(a), meanVariance(b)
	v := va + vb
	if v == 0 {
		return 0, 1
	}
	return math.Sqrt(v), v * v / (va*va/float64(len(a)-1) + vb*vb/float64(len(b)-1))
}

// band returns the 95 % interval of the difference of means, from the percentiles of a bootstrap. Two corrections make
// it wide enough for small samples (Hesterberg, arXiv 1411.5279, sections 4.1 and 5.2): resamples are one cell smaller
// than the samples, and the percentiles come from Student's t.
func band(a, b []cell) (low, high float64) {
	r := rand.New(rand.NewPCG(1, 1)) // fixed, so that the band moves only with the rewards
	diffs := make([]float64, resamples)
	for i := range diffs {
		diffs[i] = resampled(r, a) - resampled(r, b)
	}
	slices.Sort(diffs)
	_, df := spread(a, b)
	p := 0.5 * math.Erfc(tQuantile(0.975, df)/math.Sqrt2)
	return quantile(diffs, p), quantile(diffs, 1-p)
}

func resampled(r *rand.Rand, cells []cell) float64 {
	var sum, n float64
	for range len(cells) - 1 {
		c := &cells[r.IntN(len(cells))]
		sum += c.sum
		n += c.n
	}
	return sum / n
}

// quantile interpolates between the order statistics of a sorted sample.
func quantile(xs []float64, p float64) float64 {
	at := p * float64(len(xs)-1)
	i := min(int(at), len(xs)-2)
	return xs[i] + (at-float64(i))*(xs[i+1]-xs[i])
}

// tQuantile returns the quantile of Student's t for p >= 0.5, by the Cornish-Fisher expansion (Abramowitz and Stegun,
// 26.7.5). For 4 degrees of freedom it is within 1 % at p = 0.975, but 10 % too small at p = 0.9995, so fewer degrees
// count as 4.
func tQuantile(p, df float64) float64 {
	df = max(df, 4)
	z := math.Sqrt2 * math.Erfinv(2*p-1)
	q := z * z
	return z + z*(q+1)/(4*df) + z*((5*q+16)*q+3)/(96*df*df) + z*(((3*q+19)*q+17)*q-15)/(384*df*df*df) +
		z*((((79*q+776)*q+1482)*q-1920)*q-945)/(92160*df*df*df*df)
}

// tops follows the best cells of both sides over equal numbers of proposals.
func tops(controller, random []Rewarded) (points []TopPoint) {
	n := min(len(controller), len(random))
	step := max(1, (n+topPoints-1)/topPoints)
	var c, r topCells
	for i := range n {
		c.add(controller[i])
		r.add(random[i])
		if (n-1-i)%step == 0 {
			points = append(points, TopPoint{i + 1, c.means(), r.means()})
		}
	}
	return points
}

// topCells holds the best different cells so far, best first, at most the largest of topSizes.
type topCells struct{ best []Rewarded }

func (t *topCells) add(o Rewarded) {
	if most := topSizes[len(topSizes)-1]; len(t.best) == most && o.Reward <= t.best[most-1].Reward {
		return
	}
	if i := slices.IndexFunc(t.best, func(b Rewarded) bool { return b.Cell == o.Cell }); i >= 0 {
		if o.Reward <= t.best[i].Reward {
			return
		}
		t.best = slices.Delete(t.best, i, i+1)
	}
	i := sort.Search(len(t.best), func(i int) bool { return t.best[i].Reward < o.Reward })
	t.best = slices.Insert(t.best, i, o)
	t.best = t.best[:min(len(t.best), topSizes[len(topSizes)-1])]
}

func (t *topCells) means() (m [3]float64) {
	for i, k := range topSizes {
		if len(t.best) < k {
			continue
		}
		for _, o := range t.best[:k] {
			m[i] += o.Reward / float64(k)
		}
	}
	return m
}
