package child

// DropPath is the regulariser that drops whole paths of a cell: in training, each op but the identity is, for each
// example by itself, kept with a probability and scaled by its inverse, or set to zero. Prob is the probability of
// dropping when it is at its highest (the paper's 1 - keep_prob). The expectation does not change, so there is nothing
// to do in evaluation; the paper's text scales there instead.
//
//	none       never
//	linear     rises from 0 to Prob over the training: ScheduledDropPath as the paper defines it (section 3; slim v1)
//	constant   Prob from the first step: plain DropPath (FractalNet, arXiv 1605.07648)
//	scaled     as linear, and proportional to depth: the last cell has all of it (slim v3, the default of the released code)
type DropPath struct {
	Mode string  `json:"mode"`
	Prob float64 `json:"prob,omitempty"`
}

// DropPathModes lists the modes.
var DropPathModes = []string{"none", "linear", "constant", "scaled"}

// Keep returns the probability of keeping a path of cell number cell, from 0, of cells (reductions and the cells of an
// ImageNet stem count) when the given fraction of all training steps is done. Progress beyond [0, 1] is clamped.
func (d DropPath) Keep(cell, cells int, progress float64) float64 {
	progress = min(1, max(0, progress))
	switch d.Mode {
	case "linear":
		return 1 - progress*d.Prob
	case "constant":
		return 1 - d.Prob
	case "scaled":
		return 1 - progress*d.Prob*float64(cell+1)/float64(cells)
	}
	return 1
}

func (d DropPath) active() bool { return d.Prob > 0 && d.Mode != "none" && d.Mode != "" }
