package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"

	"nasnet/nas/kernel"
)

// randomConv returns a random small convolution; flags can select paddings that
// no padding rule gives.
func randomConv(rng *rand.Rand, flags uint8) (c kernel.Conv, depthwise bool) {
	depthwise = flags&1 != 0
	size := func(n int) int { return 1 + rng.IntN(n) }
	k := []int{1, 2, 3, 3, 5, 7}
	c = kernel.Same(size(3), size(12), size(20), size(40), size(40), k[rng.IntN(len(k))], k[rng.IntN(len(k))], size(3),
		size(3), size(2))
	if flags&2 != 0 {
		c.StrideW, c.KW = c.StrideH, c.KH
		c = kernel.Same(c.N, c.H, c.W, c.Cin, c.Cout, c.KH, c.KW, c.StrideH, c.StrideW, 1)
	}
	if flags&4 != 0 {
		c.PadTop, c.PadLeft = rng.IntN(8)-2, rng.IntN(8)-2
	}
	if flags&8 != 0 {
		c.OH, c.OW = size(9), size(9)
	}
	c.Relu = flags&16 != 0
	if depthwise {
		c.Cout = c.Cin
	}
	return c, depthwise
}

func TestConvolutionsOfAnyShapeAgreeWithTheDefinition(t *testing.T) {
	onEach(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(11, 3))
		n := 400
		if testing.Short() {
			n = 100
		}
		for i := range n {
			c, depthwise := randomConv(rng, uint8(i))
			if !t.Run(fmt.Sprintf("depthwise %v %+v", depthwise, c), func(t *testing.T) { testConv(t, c, depthwise) }) {
				return
			}
		}
	})
}

func FuzzConvolutions(f *testing.F) {
	f.Add(uint64(1), uint16(1), uint8(0))
	f.Add(uint64(77), uint16(513), uint8(3))
	f.Fuzz(func(t *testing.T, seed uint64, shape uint16, flags uint8) {
		rng := rand.New(rand.NewPCG(seed, uint64(shape)))
		for _, arch := range kernel.Available() {
			if err := kernel.Configure(arch); err != nil {
				t.Fatal(err)
			}
			c, depthwise := randomConv(rng, flags)
			t.Run(fmt.Sprintf("%s %+v", arch, c), func(t *testing.T) { testConv(t, c, depthwise) })
		}
	})
}

func TestTheSameInputsGiveTheSameBits(t *testing.T) {
	onEach(t, func(t *testing.T) {
		// Results must not depend on the content of scratch or on the alignment
		// of buffers.
		for _, c := range []kernel.Conv{
			kernel.Same(3, 9, 10, 20, 12, 3, 3, 1, 1, 1), kernel.Same(3, 9, 10, 20, 12, 3, 3, 2, 2, 1),
			kernel.Same(3, 9, 10, 12, 12, 5, 5, 1, 1, 1), kernel.Same(3, 9, 10, 12, 12, 5, 5, 2, 2, 1),
		} {
			c.Relu = true
			var first [][]float32
			for round := range 4 {
				values, mem := newMemory(1), newMemory(uint64(round))
				place := func(n int) []float32 {
					s := mem.raw(n)
					copy(s, values.normal(n))
					return s
				}
				x, dy, w := place(c.N*c.H*c.W*c.Cin), place(c.N*c.OH*c.OW*c.Cout), place(c.KH*c.KW*c.Cin*c.Cout)
				gamma := place(c.Cin)
				scratch := mem.normal(max(c.Scratch(), kernel.BNScratch(c.Cin)))
				y, dx, dw := mem.raw(len(dy)), mem.raw(len(x)), mem.raw(len(w))
				kernel.ConvForward(y, x, w, c, scratch)
				kernel.ConvBackwardData(dx, dy, w, x, c, scratch)
				kernel.ConvBackwardWeight(dw, x, dy, c, scratch)
				m := len(x) / c.Cin
				bn, mean, inv := mem.raw(len(x)), mem.raw(c.Cin), mem.raw(c.Cin)
				kernel.BNTrainForward(bn, x, gamma, gamma, mean, inv, m, c.Cin, eps, scratch)
				dbn, dg, db := mem.raw(len(x)), mem.raw(c.Cin), mem.raw(c.Cin)
				kernel.BNBackward(dbn, dg, db, dx, x, gamma, mean, inv, m, c.Cin, scratch)
				got := [][]float32{y, dx, dw, bn, mean, inv, dbn, dg, db}
				if c.Cin == c.Cout {
					z, dz, dv := mem.raw(len(dy)), mem.raw(len(x)), mem.raw(c.KH*c.KW*c.Cin)
					kernel.DepthwiseForward(z, x, w[:len(dv)], c, scratch)
					kernel.DepthwiseBackwardData(dz, dy, w[:len(dv)], x, c, scratch)
					kernel.DepthwiseBackwardWeight(dv, x, dy, c, scratch)
					got = append(got, z, dz, dv)
				}
				if round == 0 {
					first = got
				}
				for i := range got {
					equal(t, name("result ", i, " of round ", round), got[i], first[i])
				}
			}
		}
	})
}

func TestAForcedInstructionSetIsUsedOrReported(t *testing.T) {
	if os.Getenv("KERNEL_TEST_CHILD") != "" {
		fmt.Printf("arch=%s err=%v\n", kernel.Arch(), kernel.ArchError())
		return
	}
	best := kernel.Available()[len(kernel.Available())-1]
	second := kernel.Available()[min(1, len(kernel.Available())-1)]
	for _, r := range []struct{ name, forced, debug, want string }{
		{"the best is used by default", "", "", "arch=" + best + " err=<nil>"},
		{"the portable kernels can be forced", "generic", "", "arch=generic err=<nil>"},
		{"the best can be forced", best, "", "arch=" + best + " err=<nil>"},
		{"an unknown name is an error", "sse9", "",
			`err=NASNET_KERNELS: kernel: no "sse9" kernels here; want one of generic`},
		{"an instruction set that the machine lacks is an error", "avx2", "cpu.avx2=off",
			`err=NASNET_KERNELS: kernel: no "avx2" kernels here; want one of generic`},
		{"without AVX2 the portable kernels are used", "", "cpu.avx2=off", "arch=generic err=<nil>"},
		{"without AVX-512 AVX2 is used", "", "cpu.avx512f=off", "arch=" + second + " err=<nil>"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestAForcedInstructionSetIsUsedOrReported$")
		cmd.Env = append(os.Environ(), "KERNEL_TEST_CHILD=1", "NASNET_KERNELS="+r.forced, "GODEBUG="+r.debug)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), r.want) {
			t.Errorf("%s: %v, %q, want %q", r.name, err, out, r.want)
		}
	}
}

func TestInstructionSetsAgree(t *testing.T) {
	// A few steps with the kernels of a small network, against the portable
	// ones.
	before := kernel.Arch()
	defer func() { _ = kernel.Configure(before) }()
	var want []float32
	for _, arch := range kernel.Available() {
		if err := kernel.Configure(arch); err != nil {
			t.Fatal(err)
		}
		got := trainSmall(30)
		if want == nil {
			want = got
			if !(got[len(got)-1] < 0.7*got[0]) {
				t.Errorf("the loss does not fall: %v", got)
			}
		}
		for i := range got {
			if d := math.Abs(float64(got[i] - want[i])); !(d <= 1e-3*float64(want[i])) {
				t.Errorf("%s: loss of step %d is %v, portable %v", arch, i, got[i], want[i])
			}
		}
	}
}

// trainSmall trains relu-depthwise-1x1-BN, a pool and a linear layer on one
// random batch, and returns the losses.
func trainSmall(steps int) []float32 {
	const n, h, c, classes = 8, 8, 20, 5
	m := newMemory(3)
	dw, pw := kernel.Same(n, h, h, c, c, 3, 3, 1, 1, 1), kernel.Same(n, h, h, c, c, 1, 1, 1, 1, 1)
	dw.Relu = true
	size := n * h * h * c
	x := m.normal(size)
	labels := make([]int32, n)
	for i := range labels {
		labels[i] = int32(m.rng.IntN(classes))
	}
	type param struct{ w, g, v []float32 }
	make3 := func(n int, scale float32) param {
		p := param{m.normal(n), m.raw(n), m.filled(n, 0)}
		kernel.Scale(p.w, scale)
		return p
	}
	w1, w2, gamma, beta, w3 := make3(9*c, 0.3), make3(c*c, 0.2), make3(c, 1), make3(c, 0), make3(c*classes, 0.3)
	scratch := m.raw(max(dw.Scratch(), pw.Scratch(), kernel.BNScratch(c)))
	a, b, z, dz := m.raw(size), m.raw(size), m.raw(size), m.raw(size)
	mean, inv, pool, dpool, logits := m.raw(c), m.raw(c), m.raw(n*c), m.raw(n*c), m.raw(n*classes)
	var losses []float32
	for range steps {
		kernel.DepthwiseForward(a, x, w1.w, dw, scratch)
		kernel.ConvForward(b, a, w2.w, pw, scratch)
		kernel.BNTrainForward(z, b, gamma.w, beta.w, mean, inv, n*h*h, c, eps, scratch)
		kernel.GlobalAvgPoolRelu(pool, z, n, h*h, c)
		kernel.Linear(logits, pool, w3.w, nil, n, c, classes)
		loss, _ := kernel.SoftmaxXent(logits, logits, labels, n, classes, 0)
		losses = append(losses, float32(loss))
		kernel.LinearBackward(dpool, w3.g, nil, logits, pool, w3.w, n, c, classes)
		kernel.GlobalAvgPoolReluBackward(dz, dpool, z, n, h*h, c)
		kernel.BNBackward(dz, gamma.g, beta.g, dz, b, gamma.w, mean, inv, n*h*h, c, scratch)
		kernel.ConvBackwardWeight(w2.g, a, dz, pw, scratch)
		kernel.ConvBackwardData(z, dz, w2.w, nil, pw, scratch)
		kernel.DepthwiseBackwardWeight(w1.g, x, z, dw, scratch)
		for _, p := range []param{w1, w2, gamma, beta, w3} {
			kernel.SGDStep(p.w, p.g, p.v, 0.05, 0.9, 1e-4, true)
		}
	}
	return losses
}
