package checkpoints

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"time"
)

// scan runs a query and calls f for each row. It uses the driver directly: database/sql turns each integer into text
// and back and copies each value once more, which doubles the time to read a long run. Rows are whole: f may keep what
// it gets from row, and must not use db.
func scan(db *sql.DB, query string, args []any, f func(*row) error) error {
	ctx := context.Background()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error {
		q, ok := c.(driver.QueryerContext)
		if !ok {
			return fmt.Errorf("the SQLite driver's %T does not accept queries", c)
		}
		named := make([]driver.NamedValue, len(args))
		for i, a := range args {
			v, err := driver.DefaultParameterConverter.ConvertValue(a)
			if err != nil {
				return err
			}
			named[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
		}
		rows, err := q.QueryContext(ctx, query, named)
		if err != nil {
			return err
		}
		defer rows.Close()
		r := &row{values: make([]driver.Value, len(rows.Columns()))}
		for {
			if err := rows.Next(r.values); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			r.next = 0
			if err := f(r); err != nil {
				return err
			}
		}
	})
}

// row hands out the columns of a result one after another. STRICT tables ensure the types; in a damaged file a value of
// another type reads as zero.
type row struct {
	values []driver.Value
	next   int
}

func (r *row) value() any     { r.next++; return r.values[r.next-1] }
func (r *row) int64() int64   { v, _ := r.value().(int64); return v }
func (r *row) int() int       { return int(r.int64()) }
func (r *row) float() float64 { v, _ := r.value().(float64); return v }
func (r *row) text() string   { v, _ := r.value().(string); return v }

func (r *row) bytes() []byte {
	switch v := r.value().(type) {
	case string:
		return []byte(v)
	case []byte:
		return v
	}
	return nil
}

func (r *row) time() time.Time {
	if v, ok := r.value().(int64); ok {
		return time.Unix(0, v).UTC()
	}
	return time.Time{}
}
