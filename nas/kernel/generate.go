package kernel

//go:generate -command avo go run -C asm . -pkg kernel
//go:generate avo -family batchnorm -out ../batchnorm_amd64.s -stubs ../batchnorm_amd64.go
//go:generate avo -family control -out ../control_amd64.s -stubs ../control_amd64.go
//go:generate avo -family depthwise -out ../depthwise_amd64.s -stubs ../depthwise_amd64.go
//go:generate avo -family elementwise -out ../elementwise_amd64.s -stubs ../elementwise_amd64.go
//go:generate avo -family gemm -out ../gemm_amd64.s -stubs ../gemm_amd64.go
//go:generate avo -family pool -out ../pool_amd64.s -stubs ../pool_amd64.go
//go:generate avo -family rows -out ../rows_amd64.s -stubs ../rows_amd64.go
