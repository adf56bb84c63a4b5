package nn

import "math"

// Schedule gives the learning rate of every step: a linear warm-up, then Base times a curve of the table [Curves]. It
// is a pure function of the step.
type Schedule struct {
	Curve  string  // name in Curves; empty: constant
	Base   float64 // learning rate after the warm-up
	Warmup int     // steps; 0: none
}

// Curve is one shape of the learning rate. At maps progress after the warm-up, in [0, 1], to a factor of at most 1.
type Curve struct {
	Name string
	At   func(progress float64) float64
}

// Curves lists the curves that a Schedule can name.
var Curves = []Curve{
	// Single-period cosine to zero (SGDR, arXiv 1608.03983, equation 5 without restarts), which NASNet uses on CIFAR
	// (appendix A.6).
	{"cosine", func(p float64) float64 { return (1 + math.Cos(math.Pi*p)) / 2 }},
	{"constant", func(float64) float64 { return 1 }},
	// Up from 1/25 over the first three tenths, then down to nothing, both as cosines.
	{"one-cycle", oneCycle},
	// A tenth after half of the steps, a hundredth after three quarters, as ResNets and DenseNets are trained on CIFAR
	// (arXiv 1608.06993, section 4.2).
	{"step", func(p float64) float64 {
		switch {
		case p < 0.5:
			return 1
		case p < 0.75:
			return 0.1
		}
		return 0.01
	}},
}

// oneCycle is the super-convergence schedule (arXiv 1708.07120) with the shape and constants of PyTorch's OneCycleLR.
// The momentum stays constant.
func oneCycle(p float64) float64 {
	const rise, first, last = 0.3, 1.0 / 25, 1.0 / 25e4
	from, to, at := first, 1.0, p/rise
	if p > rise {
		from, to, at = 1, last, (p-rise)/(1-rise)
	}
	return to + (from-to)*(1+math.Cos(math.Pi*at))/2
}

// At returns the learning rate of the given step, counted from 0, of total steps. Warm-up step i has Base*(i+1)/Warmup;
// the first step after it has Base; the curve would end at step total, one after the last. Steps outside are clamped.
// It panics if the curve is unknown.
func (s Schedule) At(step, total int) float64 {
	step = max(step, 0)
	if step < s.Warmup {
		return s.Base * float64(step+1) / float64(s.Warmup)
	}
	p := 1.0
	if step < total {
		p = float64(step-s.Warmup) / float64(total-s.Warmup)
	}
	if s.Curve == "" {
		return s.Base
	}
	for _, c := range Curves {
		if c.Name == s.Curve {
			return s.Base * c.At(p)
		}
	}
	panic("nn: unknown schedule " + s.Curve)
}
