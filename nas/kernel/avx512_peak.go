//go:build amd64 && !noasm

package kernel

func peakAVX512() int {
	const n = 100_000
	peakVecZ(n)
	return n * 12 * 16
}
