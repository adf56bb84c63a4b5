//go:build amd64 && !noasm

package kernel

import (
	"reflect"
	"testing"
)

func TestEveryInstructionSetHasEveryKernel(t *testing.T) {
	for _, k := range []kernels{generic, avx2, avx512} {
		v := reflect.ValueOf(k)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%s: no %s", k.name, v.Type().Field(i).Name)
			}
		}
	}
}
