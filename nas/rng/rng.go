// Package rng makes the random streams of a run.
//
// A stream is keyed by a seed, a purpose and ids (trial, epoch, …), never by the order in which streams are made, so a
// search draws the same numbers with any number of workers and after any number of interruptions. The state of a stream
// is never stored: it is derived again from its key.
package rng

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// domain separates these keys from every other use of SHA-256; changing it changes every run.
const domain = "nasnet/rng/v1"

// Stream returns the generator for (seed, purpose, ids...): ChaCha8 keyed by their SHA-256. Different keys give
// independent streams.
func Stream(seed uint64, purpose string, ids ...uint64) *rand.Rand {
	b := make([]byte, 0, len(domain)+len(purpose)+8*(len(ids)+3))
	b = append(b, domain...)
	b = binary.LittleEndian.AppendUint64(b, seed)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(purpose)))
	b = append(b, purpose...)
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint64(b, id)
	}
	return rand.New(rand.NewChaCha8(sha256.Sum256(b)))
}
