// The asm command writes the AVX2 kernels of package kernel as Go assembly,
// one family of kernels a file:
//
//	go run . -family gemm -out ../gemm_amd64.s -stubs ../gemm_amd64.go -pkg kernel
//
// Package kernel's go:generate lines run it for every family.
package main

import (
	"flag"
	"log"

	. "github.com/mmcloughlin/avo/build"
)

// families is every generated file and what fills it.
var families = map[string]func(){
	"batchnorm":   batchnormFamily,
	"control":     controlFamily,
	"depthwise":   depthwiseFamily,
	"elementwise": elementwiseFamily,
	"gemm":        gemmFamily,
	"pool":        poolFamily,
}

func main() {
	family := flag.String("family", "", "family of kernels to write")
	flag.Parse()
	write, ok := families[*family]
	if !ok {
		log.Fatalf("no family %q", *family)
	}
	ConstraintExpr("amd64,!noasm")
	write()
	Generate()
}
