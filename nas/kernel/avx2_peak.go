//go:build amd64 && !noasm

package kernel

func peakAVX2() int {
	const n = 100_000
	peakVec(n)
	return n * 12 * 8
}
