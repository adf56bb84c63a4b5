package space_test

import (
	"fmt"
	"math/rand/v2"

	"nasnet/nas/space"
)

// A controller sees a space as a list of decisions; its choices decode to a genotype.
func ExampleSpace() {
	s, err := space.New("identity,sep3x3,max3x3", 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range s.Decisions()[5:10] {
		fmt.Println(d.Name, d.Labels)
	}
	g, err := s.Decode(s.Random(rand.New(rand.NewPCG(1, 2))))
	fmt.Println(g.Text(), err)
	// Output:
	// normal b1.in1 [h[i] h[i-1] b0]
	// normal b1.in2 [h[i] h[i-1] b0]
	// normal b1.op1 [identity sep3x3 max3x3]
	// normal b1.op2 [identity sep3x3 max3x3]
	// normal b1.combine [add concat]
	// normal=h.m3+h.m3 h.s3+p.i [01] reduction=p.m3+h.i 0.s3+0.i [1] <nil>
}

// Genotypes can be given by name, as text, or as other projects write them.
func ExampleParse() {
	for _, form := range []string{
		"enas",
		"normal=h.s3+p.i [0] reduction=h.m3&p.m3",
		"Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0)], normal_concat=[2], reduce=[('max_pool_3x3', 1), " +
			"('max_pool_3x3', 0)], reduce_concat=[2])",
	} {
		g, err := space.Parse(form)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(g.ShortHash(), g.Normal.Text())
	}
	// Output:
	// 46c602 p.a3+p.s3 p.i+p.s5 p.i+h.s5 h.s3+p.s5 p.a3+h.s5 [01234]
	// 230d3a h.s3+p.i [0]
	// 6d048f h.s3+p.i [0]
}
