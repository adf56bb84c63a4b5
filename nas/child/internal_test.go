package child

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"testing"

	"nasnet/nas/rng"
	"nasnet/nas/space"
)

func TestEveryOpButTheIdentityHasADropPathOfItsCell(t *testing.T) {
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	n, err := build(k.Genotype, NetConfig{N: 1, Filters: 4}, buildOptions{batch: 2, train: true, dropPath: true})
	if err != nil {
		t.Fatal(err)
	}
	var want []int // of ten ops two are the identity in a normal cell, and one in a reduction, strided or not
	for cell, paths := range []int{8, 9, 8, 9, 8} {
		want = append(want, slices.Repeat([]int{cell}, paths)...)
	}
	if !slices.Equal(n.pathCell, want) {
		t.Errorf("cells of the paths %v, want %v", n.pathCell, want)
	}
	n, err = build(k.Genotype, NetConfig{N: 1, Filters: 4}, buildOptions{batch: 2, train: true})
	if err != nil || len(n.pathCell) != 0 {
		t.Errorf("%d paths in a network without drop path (error %v)", len(n.pathCell), err)
	}
}

func TestEveryFamilyOfOpsCanBeBuilt(t *testing.T) {
	for _, row := range space.Families {
		if families[row.Name] == nil {
			t.Errorf("package child cannot build the family %s: add a row to families (ops.go)", row.Name)
		}
	}
	if len(families) != len(space.Families) {
		t.Errorf("package child builds %d families, package space has %d", len(families), len(space.Families))
	}
}

// A file of a few bytes that describes a huge network is refused before memory for the network is allocated.
func TestAHugeNetworkFromAFileIsRefused(t *testing.T) {
	k, err := space.Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	n, err := build(k.Genotype, NetConfig{N: 1, Filters: 2, Image: 2048}, buildOptions{batch: 64})
	if err != nil {
		t.Fatal(err)
	}
	p, err := n.g.Plan(nil, n.logits)
	if err != nil {
		t.Fatal(err)
	}
	if affordable(p) == nil {
		t.Errorf("a program of %d MiB was accepted", p.PlannedPeak()>>20)
	}
}

// Whatever the bytes, reading models and vectors returns a value or an error. A recovered panic, a PanicError, counts
// as a fault here.
func TestDamagedFilesNeverPanic(t *testing.T) {
	b, err := os.ReadFile("testdata/random-11.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	header := 8 + int(binary.LittleEndian.Uint64(b))
	end := bytes.Index(b, []byte(`"float32_error"`)) // the metadata comes first
	model := bytes.Replace(b[:header], []byte(`"genotype"`),
		[]byte(`"format": "nasnet-model/1", "net": "{}", "mean":"[0,0,0]", "std": "[1,1,1]", "genotype"`), 1)
	binary.LittleEndian.PutUint64(model, uint64(len(model)-8))
	model = append(model, b[header:]...)
	random := rng.Stream(1, "damage")
	for i := range 150 {
		damaged := slices.Clone(b)
		if i%2 == 1 {
			damaged = slices.Clone(model)
		}
		for range 1 + random.IntN(2) {
			at := 8 + random.IntN(end-8)
			if i%3 == 0 {
				at = 8 + random.IntN(header-8)
			}
			damaged[at] = "0123456789{}[]\",:abc -"[random.IntN(22)]
		}
		var p *PanicError
		if _, err := Check(bytes.NewReader(damaged)); errors.As(err, &p) {
			t.Fatal(p)
		}
		if _, err := load(bytes.NewReader(damaged)); errors.As(err, &p) {
			t.Fatal(p)
		}
	}
}
