package kernel

//go:generate -command avo go run -C asm . -pkg kernel
//go:generate avo -family gemm -out ../gemm_amd64.s -stubs ../gemm_amd64.go
