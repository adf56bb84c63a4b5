package child

// DropPath is the regulariser that drops whole paths of a cell. In training each op except the identity is kept with a
// probability, separately for each example, and scaled by its inverse; otherwise it is set to zero. Prob is the highest
// probability of dropping (1 - keep_prob in the paper). Evaluation changes nothing, because the expectation stays the
// same; the paper's text scales there instead.
//
//	none       never
//	linear     rises from 0 to Prob over the training: ScheduledDropPath as the paper defines it (section 3; slim v1)
//	constant   Prob from the first step: plain DropPath (FractalNet, arXiv 1605.07648)
//	scaled     as linear, times the cell's depth: the last cell gets all of it (slim v3, the released default)
type DropPath struct {
	Mode string  `json:"mode"`
	Prob float64 `json:"prob,omitempty"`
}

// DropPathModes lists the modes.
var DropPathModes = []string{"none", "linear", "constant", "scaled"}

// Keep returns the probability of keeping a path of a cell once the given fraction of all training steps is done;
// progress is clamped to [0, 1]. Cells are counted from 0, including reductions and the cells of an ImageNet stem.
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
