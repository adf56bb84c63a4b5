package kernel

//go:generate -command avo go run -C asm . -pkg kernel
//go:generate avo -family batchnorm
//go:generate avo -family batchnorm -target avx512
//go:generate avo -family control
//go:generate avo -family control -target avx512
//go:generate avo -family depthwise
//go:generate avo -family depthwise -target avx512
//go:generate avo -family elementwise
//go:generate avo -family elementwise -target avx512
//go:generate avo -family gemm
//go:generate avo -family gemm -target avx512
//go:generate avo -family pool
//go:generate avo -family pool -target avx512
//go:generate avo -family rows
//go:generate avo -family rows -target avx512
