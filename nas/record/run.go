// Package record knows how a run is stored. It opens stored runs, converts rows to the types of package nas and back,
// and rebuilds policies whose states are not kept. The packages search and audit build on it.
package record

import (
	"nasnet/checkpoints"
	"nasnet/nas"
	"nasnet/nas/space"
)

// Run is a stored run.
type Run struct {
	*checkpoints.Store
	Record checkpoints.Run // as of opening
	Config nas.Config
	Space  space.Space
}

// Open opens the run in dir, live or not, for reading. The caller must close it.
func Open(dir string) (*Run, error) {
	st, err := checkpoints.OpenReadOnly(dir)
	if err != nil {
		return nil, err
	}
	r, err := Of(st)
	if err != nil {
		st.Close()
		return nil, err
	}
	return r, nil
}

// Of returns the run of an open store.
func Of(st *checkpoints.Store) (*Run, error) {
	r := &Run{Store: st}
	var err error
	if r.Record, err = st.Run(); err != nil {
		return nil, err
	}
	if r.Config, err = nas.ParseConfig(r.Record.Config); err != nil {
		return nil, err
	}
	if r.Space, err = r.Config.Space(); err != nil {
		return nil, err
	}
	return r, nil
}

// ReadConfig returns the config of the run in dir, and the hash of the data it started with.
func ReadConfig(dir string) (c nas.Config, dataHash string, err error) {
	r, err := Open(dir)
	if err != nil {
		return c, "", err
	}
	defer r.Close()
	return r.Config, r.Record.DatasetSHA256, nil
}
