package dataset

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
)

// Split cuts the training images into a training and a validation part of the given sizes; 0 for one of them means all
// that the other leaves. The parts are disjoint, and every class has its share of each (by largest remainder), so
// classes of equal size stay equal to within one image. All draws come from r: the same stream gives the same parts in
// the same order, and the validation part does not depend on the size of the training part. Both views have the means
// and deviations of all training images.
func (d *Data) Split(r *rand.Rand, train, val int) (tr, va *View, err error) {
	n := d.Train.N
	switch {
	case train < 0 || val < 0:
		return nil, nil, fmt.Errorf("dataset: %s: split into %d training and %d validation images; want 0 or more",
			d.Info.Name, train, val)
	case train == 0 && val == 0:
		return nil, nil, fmt.Errorf("dataset: %s: split: both sizes are 0; want at least one above 0", d.Info.Name)
	case train == 0:
		train = n - val
	case val == 0:
		val = n - train
	}
	if train <= 0 || val <= 0 || train > n-val {
		return nil, nil, fmt.Errorf("dataset: %s: split into %d training and %d validation images: there are %d; "+
			"want at least one in each part",
			d.Info.Name, train, val, n)
	}
	classes := len(d.Info.Classes)
	members := make([][]int32, classes)
	for i, label := range d.Train.Labels {
		members[label] = append(members[label], int32(i))
	}
	tie := r.Perm(classes) // who gets a left-over image first
	left := make([]int, classes)
	for c, m := range members {
		r.Shuffle(len(m), func(i, j int) { m[i], m[j] = m[j], m[i] })
		left[c] = len(m)
	}
	take := func(count int) []int32 {
		index := make([]int32, 0, count)
		for c, k := range shares(left, count, tie) {
			index = append(index, members[c][:k]...)
			members[c], left[c] = members[c][k:], left[c]-k
		}
		r.Shuffle(count, func(i, j int) { index[i], index[j] = index[j], index[i] })
		return index
	}
	vi := take(val)
	return d.view(&d.Train, take(train)), d.view(&d.Train, vi), nil
}

// shares divides count among the classes in proportion to have, whose sum is at least count: the whole part of each
// quota, then one more for the largest remainders, with ties in the order of tie. No class gets more than it has.
func shares(have []int, count int, tie []int) []int {
	total := 0
	for _, h := range have {
		total += h
	}
	out := make([]int, len(have))
	rest := count
	for c, h := range have {
		out[c] = count * h / total
		rest -= out[c]
	}
	order := slices.Clone(tie)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(count*have[b]%total, count*have[a]%total) })
	for _, c := range order[:rest] {
		out[c]++
	}
	return out
}
