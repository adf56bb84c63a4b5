package kernel_test

import (
	"runtime"
	"testing"

	"nasnet/nas/kernel"
)

func TestDenormalsAreFlushedUntilRestored(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	onEach(t, func(t *testing.T) {
		if kernel.Arch() == "generic" {
			t.Skip("promised for assembly only")
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		product := func() float32 {
			x := []float32{1e-30}
			kernel.Scale(x, 1e-12)
			return x[0]
		}
		if product() == 0 {
			t.Fatal("the machine already flushes")
		}
		restore := kernel.FlushDenormals()
		flushed := product()
		restore()
		if flushed != 0 {
			t.Errorf("1e-30 * 1e-12 = %v, want 0", flushed)
		}
		if product() == 0 {
			t.Error("still flushed after the restoration")
		}
	})
}
