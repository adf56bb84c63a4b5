package space

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestNASNetAIsAsReleased(t *testing.T) {
	k, err := Lookup("nasnet-a")
	if err != nil {
		t.Fatal(err)
	}
	g := k.Genotype
	if got, want := g.Normal.Outputs(), []int{1, 2, 3, 4, 5, 6}; !reflect.DeepEqual(got, want) {
		t.Errorf("normal outputs %v, want %v", got, want)
	}
	if got, want := g.Reduction.Outputs(), []int{3, 4, 5, 6}; !reflect.DeepEqual(got, want) {
		t.Errorf("reduction outputs %v, want %v", got, want)
	}
	b, _ := json.Marshal(g)
	back, err := ParseJSON(b)
	if err != nil || !reflect.DeepEqual(back, g) {
		t.Errorf("JSON came back as %+v, %v", back, err)
	}
	back, err = ParseText(g.Text())
	if err != nil || !reflect.DeepEqual(back, g) {
		t.Errorf("text came back as %+v, %v", back, err)
	}
}
