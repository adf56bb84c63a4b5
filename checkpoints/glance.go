package checkpoints

import (
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Glimpse is a trial in brief.
type Glimpse struct {
	ID          int
	Kind, State string
	Reward      float64
	HasReward   bool
}

// Glance returns the trials of a run, highest rewards first. It is quick and leaves no file behind, because a shell
// calls it while a person types. If reading would need a write, it returns an error.
func Glance(dir string) (list []Glimpse, err error) {
	if err := checkHeader(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, dbName)
	if _, err := os.Lstat(path + "-journal"); !errors.Is(err, fs.ErrNotExist) {
		return nil, errUnfinished
	}
	params := paramsFixed
	if _, err := os.Lstat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
		params = paramsRead // which would create a -shm
		if _, err := os.Lstat(path + "-shm"); err != nil {
			return nil, errUnfinished
		}
	}
	db, _, err := openReader(path, params)
	if err != nil {
		return nil, wrap(err)
	}
	s := &Store{dir: dir, real: realPath(dir), readOnly: true, db: db}
	openHere.add(s.real, 1)
	defer s.Close()
	err = s.read(func(db *sql.DB) error {
		// trial_rank covers this: the rows themselves are not read.
		return scan(db, "SELECT id, kind, state, reward FROM trial ORDER BY reward DESC, id", nil, func(r *row) error {
			g := Glimpse{ID: r.int(), Kind: r.text(), State: r.text()}
			g.Reward, g.HasReward = r.value().(float64)
			list = append(list, g)
			return nil
		})
	})
	return list, err
}

var errUnfinished = errors.New("a change of the run is unfinished")
