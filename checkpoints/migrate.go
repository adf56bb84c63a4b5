package checkpoints

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
)

// migrations[i] brings a database from schema i+1 to i+2. After the last one the schema must equal schema.sql to the
// letter (checkSchema compares), so a migration that changes a table makes the new one, copies, drops the old one and
// renames: https://www.sqlite.org/lang_altertable.html#otheralter
var migrations = []string{
	"ALTER TABLE trial ADD COLUMN latency_ms REAL NOT NULL DEFAULT 0", // adds the text where schema.sql has it
}

// schemaVersion is the user_version of databases that this program makes.
var schemaVersion = 1 + len(migrations)

// migrate brings run.db to the current schema in one transaction, once a copy is safe in run.db.v<from>. The caller
// must hold the lock.
func migrate(db *sql.DB, dir string, from int, steps []string) error {
	if from > len(steps) {
		return nil
	}
	path := filepath.Join(dir, dbName)
	backup := fmt.Sprintf("%s.v%d", path, from)
	os.Remove(backup + ".tmp")
	if err := vacuumInto(db, backup+".tmp"); err != nil {
		return fmt.Errorf("checkpoints: %s: backup before migration: %w", path, err)
	}
	if err := publish(backup+".tmp", backup); err != nil {
		return fmt.Errorf("checkpoints: %s: backup before migration: %w", path, err)
	}
	return step(db, path, from, steps)
}

// step brings a database to the current schema in one transaction, without a copy.
func step(db *sql.DB, path string, from int, steps []string) error {
	// Foreign keys can only be switched outside a transaction, and must be off while a table is rebuilt.
	conn, err := db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx := context.Background()
	if _, err := conn.ExecContext(ctx, "PRAGMA foreign_keys=0"); err != nil {
		return err
	}
	defer conn.ExecContext(ctx, "PRAGMA foreign_keys=1")
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for v := from; v <= len(steps); v++ {
		if _, err := tx.Exec(steps[v-1]); err != nil {
			return fmt.Errorf("checkpoints: %s: migration from schema %d to %d: %w", path, v, v+1, wrap(err))
		}
	}
	var broken int
	if err := tx.QueryRow("SELECT count(*) FROM pragma_foreign_key_check").Scan(&broken); err != nil {
		return err
	}
	if broken > 0 {
		return fmt.Errorf("checkpoints: %s: migration leaves %d broken references: %w", path, broken, ErrDamaged)
	}
	if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version=%d", len(steps)+1)); err != nil {
		return err
	}
	return wrap(tx.Commit())
}

// vacuumInto copies a database, even one that another process is writing, into a new file with mode 0600. It is one
// read transaction: SQLite's stepwise backup interface starves beside a busy writer.
func vacuumInto(db *sql.DB, path string) error {
	// VACUUM INTO accepts an empty file; a new one would get mode 0644
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	if _, err := db.Exec("VACUUM INTO ?", path); err != nil {
		os.Remove(path)
		return wrap(err)
	}
	return nil
}

// publish makes a finished file durable under its name: its content, then the rename, then the folder.
func publish(tmp, path string) error {
	f, err := os.OpenFile(tmp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Sync()
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	return err
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
