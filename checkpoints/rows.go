package checkpoints

import (
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// outlineColumns are the columns of a trial without the bulk of its bytes; trialColumns are all of them.
const (
	outlineColumns = "id, batch, policy_version, kind, cell_hash, logp, state, attempt, reward, fail_kind, " +
		"fail_detail, params, madds, parent, spec, " +
		"star, note, weights_sha256, checkpoint_sha256, checkpoint_epoch, worker, started_ns, finished_ns, seconds, " +
		"latency_ms"
	trialColumns = outlineColumns + ", genotype, choices"
)

var insertTrial = "INSERT INTO trial(" + trialColumns + ") VALUES(?" +
	strings.Repeat(",?", strings.Count(trialColumns, ",")) + ")"

func trialValues(t *Trial) []any {
	var parent any
	if t.Parent >= 0 {
		parent = t.Parent
	}
	return []any{t.ID, t.Batch, t.PolicyVersion, t.Kind, t.CellHash, floatBytes(t.LogP), t.State, t.Attempt, reward(t),
		t.FailKind, t.FailDetail, t.Params, t.MAdds,
		parent, text(t.Spec), t.Star, t.Note, name(t.WeightsSHA256), name(t.CheckpointSHA256), t.CheckpointEpoch,
		t.Worker, nanos(t.Started), nanos(t.Finished), t.Seconds, t.Latency,
		string(t.Genotype), choicesText(t.Choices)}
}

// readOutline reads outlineColumns, with the log-probabilities in logp if they fit.
func readOutline(row *row, logp []float64) (Trial, error) {
	t := Trial{ID: row.int(), Batch: row.int(), PolicyVersion: row.int(), Kind: row.text(), CellHash: row.text()}
	bits := row.bytes()
	t.State, t.Attempt = row.text(), row.int()
	t.Reward, t.HasReward = row.value().(float64)
	t.FailKind, t.FailDetail = row.text(), row.text()
	t.Params, t.MAdds = row.int64(), row.int64()
	t.Parent = -1
	if p, ok := row.value().(int64); ok {
		t.Parent = int(p)
	}
	t.Spec, t.Star, t.Note, t.WeightsSHA256 = row.bytes(), row.int() != 0, row.text(), row.text()
	t.CheckpointSHA256, t.CheckpointEpoch, t.Worker = row.text(), row.int(), row.text()
	t.Started, t.Finished, t.Seconds, t.Latency = row.time(), row.time(), row.float(), row.float()
	if len(bits)%8 != 0 {
		return t, fmt.Errorf("trial %d: %w: log-probabilities have %d bytes", t.ID, ErrDamaged, len(bits))
	}
	t.LogP = parseFloats(logp, bits)
	return t, nil
}

func readTrials(db *sql.DB, where string, args ...any) ([]Trial, error) {
	var n int // growing a slice of 20,000 trials step by step would cost as much as reading a third of them
	if err := db.QueryRow("SELECT count(*) FROM trial "+where, args...).Scan(&n); err != nil {
		return nil, err
	}
	ts := make([]Trial, 0, n)
	err := scan(db, "SELECT "+trialColumns+" FROM trial "+where+" ORDER BY id", args, func(row *row) error {
		t, err := readOutline(row, nil)
		if err != nil {
			return err
		}
		t.Genotype = row.bytes()
		if t.Choices, err = parseChoices(row.value()); err != nil {
			return fmt.Errorf("trial %d: %w: choices: %w", t.ID, ErrDamaged, err)
		}
		ts = append(ts, t)
		return nil
	})
	return ts, err
}

// among returns the condition that a column is one of some numbers, with its argument.
func among(column string, ids []int) (where string, list string) {
	b, _ := json.Marshal(ids) // integers always encode
	return column + " IN (SELECT value FROM json_each(?))", string(b)
}

// checkTrial refuses what could not be read back unchanged.
func checkTrial(t *Trial) error {
	if !json.Valid(t.Genotype) {
		return fmt.Errorf("checkpoints: trial %d: genotype is not JSON", t.ID)
	}
	if t.Spec != nil && !json.Valid(t.Spec) {
		return fmt.Errorf("checkpoints: trial %d: settings of the retrain are not JSON", t.ID)
	}
	for i, p := range t.LogP {
		if math.IsNaN(p) || math.IsInf(p, 0) {
			return fmt.Errorf("checkpoints: trial %d: log-probability %d is %v: %w", t.ID, i, p, ErrNotFinite)
		}
	}
	return checkResult(t)
}

func checkResult(t *Trial) error {
	what := fmt.Sprintf("trial %d", t.ID)
	switch {
	case t.HasReward:
	case t.Reward != 0:
		return fmt.Errorf("checkpoints: %s: reward %v without HasReward", what, t.Reward)
	case t.State == "done":
		return fmt.Errorf("checkpoints: %s: done without a reward", what)
	}
	return finite(what, "reward", t.Reward, "seconds", t.Seconds, "latency", t.Latency)
}

// reward returns a trial's reward as a value for SQL, NULL if it has none.
func reward(t *Trial) any {
	if !t.HasReward {
		return nil
	}
	return t.Reward
}

// name returns the name of a blob as a value for SQL, NULL for none.
func name(sha string) any {
	if sha == "" {
		return nil
	}
	return sha
}

// choicesText returns JSON, NULL for nil.
func choicesText(cs []int) any {
	if cs == nil {
		return nil
	}
	b := []byte{'['}
	for i, c := range cs {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(c), 10)
	}
	return string(append(b, ']'))
}

func parseChoices(v any) ([]int, error) {
	s, ok := v.(string)
	if !ok {
		return nil, nil
	}
	body := strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")
	if len(body) != len(s)-2 {
		return nil, fmt.Errorf("%.40q is not a list", s)
	}
	cs := make([]int, 0, strings.Count(body, ",")+1)
	for body != "" {
		field, rest, _ := strings.Cut(body, ",")
		c, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil {
			return nil, err
		}
		cs, body = append(cs, c), rest
	}
	return cs, nil
}

// floatBytes returns the exact bits, little endian, NULL for nil.
func floatBytes(fs []float64) any {
	if fs == nil {
		return nil
	}
	b := make([]byte, 0, 8*len(fs))
	for _, f := range fs {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
	}
	return b
}

// parseFloats is the inverse of floatBytes; it reuses the memory of fs.
func parseFloats(fs []float64, b []byte) []float64 {
	if b == nil {
		return nil
	}
	fs = slices.Grow(fs[:0], len(b)/8)[:len(b)/8]
	for i := range fs {
		fs[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return fs
}

const epochColumns = "trial, attempt, epoch, lr, keep, train_loss, train_acc, val_loss, val_acc, seconds, images"

func upsertEpochs(tx *sql.Tx, epochs []Epoch) error {
	if len(epochs) == 0 {
		return nil
	}
	st, err := tx.Prepare("INSERT OR REPLACE INTO epoch(" + epochColumns + ") VALUES(?,?,?,?,?,?,?,?,?,?,?)")
	if err != nil {
		return err
	}
	defer st.Close()
	for _, e := range epochs {
		_, err := st.Exec(e.Trial, e.Attempt, e.Epoch, e.LR, e.Keep, e.TrainLoss, e.TrainAcc, e.ValLoss, e.ValAcc,
			e.Seconds, e.Images)
		if err != nil {
			return fmt.Errorf("trial %d: epoch %d: %w", e.Trial, e.Epoch, err)
		}
	}
	return nil
}

func checkEpochs(epochs []Epoch) error {
	for _, e := range epochs {
		err := finite(fmt.Sprintf("trial %d: epoch %d", e.Trial, e.Epoch), "learning rate", e.LR, "keep", e.Keep,
			"training loss", e.TrainLoss,
			"training accuracy", e.TrainAcc, "validation loss", e.ValLoss, "validation accuracy", e.ValAcc,
			"seconds", e.Seconds)
		if err != nil {
			return err
		}
	}
	return nil
}

func readEpochs(db *sql.DB, where string, args ...any) ([]Epoch, error) {
	var es []Epoch
	err := scan(db, "SELECT "+epochColumns+" FROM epoch "+where+" ORDER BY trial, attempt, epoch", args,
		func(row *row) error {
			es = append(es, Epoch{row.int(), row.int(), row.int(), row.float(), row.float(), row.float(), row.float(),
				row.float(), row.float(), row.float(), row.int()})
			return nil
		})
	return es, err
}
