package remote

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"nasnet/nas"
)

// picture is the newest snapshot as JSON, field by field, so that a reader is sent only what changed since its last line, and so that all readers share
// one encoding. Its methods may be called from any goroutine.
type picture struct {
	mu    sync.Mutex
	snap  *nas.Snapshot
	rev   uint64 // grows with every change of a part
	parts []part // one for each field of nas.Snapshot
}

// part is one field of the snapshot.
type part struct {
	name  string
	value any // what text was made of
	text  json.RawMessage
	rev   uint64 // of the picture when it last changed
}

// fields are the names of the fields of nas.Snapshot in JSON, by index.
var fields = func() []string {
	t := reflect.TypeFor[nas.Snapshot]()
	names := make([]string, t.NumField())
	for i := range names {
		names[i], _, _ = strings.Cut(t.Field(i).Tag.Get("json"), ",")
	}
	return names
}()

// since takes in a snapshot and returns the fields that changed after revision rev, 0 for all of them, and the revision to ask with next.
func (p *picture) since(s *nas.Snapshot, rev uint64) (map[string]json.RawMessage, uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.take(s); err != nil {
		return nil, rev, err
	}
	changed := map[string]json.RawMessage{}
	for _, f := range p.parts {
		if f.rev > rev {
			changed[f.name] = f.text
		}
	}
	return changed, p.rev, nil
}

// take encodes the fields of a snapshot that are not the ones it knows. Readers race for the newest one; an older one that comes late is passed over.
func (p *picture) take(s *nas.Snapshot) error {
	if s == p.snap || p.snap != nil && s.Version < p.snap.Version {
		return nil
	}
	v := reflect.ValueOf(s).Elem()
	first := p.parts == nil
	if first {
		p.parts = make([]part, len(fields))
	}
	rev := p.rev + 1
	for i, name := range fields {
		f := &p.parts[i]
		now := v.Field(i).Interface()
		// Far cheaper than making JSON of it: snapshots share the arrays of what did not change, and what is in them mostly.
		if !first && reflect.DeepEqual(f.value, now) {
			continue
		}
		text, err := json.Marshal(now)
		if err != nil {
			return fmt.Errorf("snapshot: %s: %w", name, err)
		}
		if f.name, f.value = name, now; !bytes.Equal(text, f.text) {
			f.text, f.rev, p.rev = text, rev, rev
		}
	}
	p.snap = s
	return nil
}

// apply returns the snapshot that old becomes by the changed fields. Fields that this program does not know are passed over.
func apply(old *nas.Snapshot, changed map[string]json.RawMessage) (*nas.Snapshot, error) {
	next := new(nas.Snapshot)
	if old != nil {
		*next = *old
	}
	v := reflect.ValueOf(next).Elem()
	for i, name := range fields {
		text, ok := changed[name]
		if !ok {
			continue
		}
		fresh := reflect.New(v.Field(i).Type()) // decoding into the old one would write into arrays that old shares
		if err := json.Unmarshal(text, fresh.Interface()); err != nil {
			return nil, fmt.Errorf("snapshot: %s: %w", name, err)
		}
		v.Field(i).Set(fresh.Elem())
	}
	return next, nil
}
