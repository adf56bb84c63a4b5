// The asm command writes the AVX2 and AVX-512 kernels of package kernel as Go
// assembly, one family of kernels and one instruction set a file:
//
//	go run . -family gemm -out ../gemm_amd64.s -stubs ../gemm_amd64.go -pkg kernel
//	go run . -family gemm -target avx512 -out ../gemm_avx512_amd64.s -stubs ../gemm_avx512_amd64.go -pkg kernel
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
	"rows":        rowsFamily,
}

func main() {
	family := flag.String("family", "", "family of kernels to write")
	instructions := flag.String("target", "avx2", "instruction set to write it for")
	flag.Parse()
	write, ok := families[*family]
	to, known := targets[*instructions]
	if !ok || !known {
		log.Fatalf("no family %q for %q", *family, *instructions)
	}
	to.use()
	ConstraintExpr("amd64,!noasm")
	write()
	Generate()
}
