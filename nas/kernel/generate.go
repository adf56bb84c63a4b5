package kernel

//go:generate -command avo go run -C asm . -pkg kernel
//go:generate avo -family batchnorm -out ../batchnorm_amd64.s -stubs ../batchnorm_amd64.go
//go:generate avo -family batchnorm -target avx512 -out ../batchnorm_avx512_amd64.s -stubs ../batchnorm_avx512_amd64.go
//go:generate avo -family control -out ../control_amd64.s -stubs ../control_amd64.go
//go:generate avo -family control -target avx512 -out ../control_avx512_amd64.s -stubs ../control_avx512_amd64.go
//go:generate avo -family depthwise -out ../depthwise_amd64.s -stubs ../depthwise_amd64.go
//go:generate avo -family depthwise -target avx512 -out ../depthwise_avx512_amd64.s -stubs ../depthwise_avx512_amd64.go
//go:generate avo -family elementwise -out ../elementwise_amd64.s -stubs ../elementwise_amd64.go
//go:generate avo -family elementwise -target avx512 -out ../elementwise_avx512_amd64.s -stubs ../elementwise_avx512_amd64.go
//go:generate avo -family gemm -out ../gemm_amd64.s -stubs ../gemm_amd64.go
//go:generate avo -family gemm -target avx512 -out ../gemm_avx512_amd64.s -stubs ../gemm_avx512_amd64.go
//go:generate avo -family pool -out ../pool_amd64.s -stubs ../pool_amd64.go
//go:generate avo -family pool -target avx512 -out ../pool_avx512_amd64.s -stubs ../pool_avx512_amd64.go
//go:generate avo -family rows -out ../rows_amd64.s -stubs ../rows_amd64.go
//go:generate avo -family rows -target avx512 -out ../rows_avx512_amd64.s -stubs ../rows_avx512_amd64.go
