package local

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheLimitOfAMachineIsItsOwnOrThatOfItsControlGroups(t *testing.T) {
	meminfo := "MemTotal:       24600000 kB\nMemFree:  1 kB\n"
	for _, x := range []struct {
		what  string
		files map[string]string
		want  int64
	}{
		{"no files", nil, 0},
		{"no groups", map[string]string{"proc/meminfo": meminfo}, 24600000 << 10},
		{"a group without a limit", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n"}, 24600000 << 10},
		{"a group with a limit", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "1073741824\n"}, 1 << 30},
		{"a limit above it", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "1073741824\n",
			"sys/fs/cgroup/a/memory.max":   "4096\n"}, 4096},
		{"version 1", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "5:cpu:/x\n4:memory:/x\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "8192\n"}, 8192},
		{"version 1 without a limit", map[string]string{"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/x\n",
			"sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712\n"}, 24600000 << 10},
	} {
		root := t.TempDir()
		for name, content := range x.files {
			path := filepath.Join(root, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := memoryUnder(root); got != x.want {
			t.Errorf("%s: %d; want %d", x.what, got, x.want)
		}
	}
}
