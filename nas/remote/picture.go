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

// picture is the newest snapshot as JSON, field by field. A reader is sent only the fields that changed since its last
// line, and all readers share one encoding. Any goroutine may call its methods.
type picture struct {
	mu    sync.Mutex
	snap  *nas.Snapshot
	rev   uint64      // grows with every change
	parts []fieldText // one for each field of nas.Snapshot
}

// fieldText is one field of the snapshot.
type fieldText struct {
	name  string
	value any // that text encodes
	text  json.RawMessage
	rev   uint64 // of the picture when the field last changed
}

// field is a field of [nas.Snapshot], or of a struct embedded in it, whose fields JSON has beside the others.
type field struct {
	name  string // in JSON
	index []int  // for reflect's FieldByIndex
}

var fields = func() (fs []field) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[nas.Snapshot]()) {
		if !f.Anonymous {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fs = append(fs, field{name, f.Index})
		}
	}
	return fs
}()

// since takes a snapshot. It returns the fields that changed after revision rev, all of them for 0, and the revision to
// ask with next.
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

// take encodes the fields of a snapshot that differ from those it has. Readers race to bring the newest one, so one
// that is older is ignored.
func (p *picture) take(s *nas.Snapshot) error {
	if s == p.snap || p.snap != nil && s.Version < p.snap.Version {
		return nil
	}
	v := reflect.ValueOf(s).Elem()
	first := p.parts == nil
	if first {
		p.parts = make([]fieldText, len(fields))
	}
	rev := p.rev + 1
	for i, of := range fields {
		f := &p.parts[i]
		now := v.FieldByIndex(of.index).Interface()
		// Far cheaper than encoding: snapshots share the slices that did not change, and most of what is in the others.
		if !first && reflect.DeepEqual(f.value, now) {
			continue
		}
		text, err := json.Marshal(now)
		if err != nil {
			return fmt.Errorf("snapshot: %s: %w", of.name, err)
		}
		if f.name, f.value = of.name, now; !bytes.Equal(text, f.text) {
			f.text, f.rev, p.rev = text, rev, rev
		}
	}
	p.snap = s
	return nil
}

// apply returns old with the changed fields. It ignores fields that this program does not know.
func apply(old *nas.Snapshot, changed map[string]json.RawMessage) (*nas.Snapshot, error) {
	next := new(nas.Snapshot)
	if old != nil {
		*next = *old
	}
	v := reflect.ValueOf(next).Elem()
	for _, of := range fields {
		text, ok := changed[of.name]
		if !ok {
			continue
		}
		into := v.FieldByIndex(of.index)
		fresh := reflect.New(into.Type()) // decoding into the field itself would write into slices that old shares
		if err := json.Unmarshal(text, fresh.Interface()); err != nil {
			return nil, fmt.Errorf("snapshot: %s: %w", of.name, err)
		}
		into.Set(fresh.Elem())
	}
	return next, nil
}
