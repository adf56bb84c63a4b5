// The generator of the kernels' assembly. It is a module of its own, so that
// the program does not depend on what the generator needs.
module nasnet/nas/kernel/asm

go 1.26.0

require github.com/mmcloughlin/avo v0.6.0

require (
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/sync v0.24.0 // indirect
	golang.org/x/tools v0.52.0 // indirect; avo asks for v0.16.1, which does not compile with Go 1.26
)
