package tui

import (
	"fmt"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
)

// BenchmarkFrame draws the fullest screens anew, as every snapshot makes it do.
func BenchmarkFrame(b *testing.B) {
	for _, r := range []struct {
		name string
		keys []string
	}{{"dashboard", nil}, {"cell", []string{"5", "enter"}}, {"compare", []string{"5", "j", "c"}},
		{"edit", []string{"5", "e", "o"}}, {"policy", []string{"H"}}, {"runs", []string{"R"}}, {"log", []string{"L"}}} {
		for _, s := range [][2]int{{80, 24}, {160, 48}} {
			b.Run(fmt.Sprintf("%s-%dx%d", r.name, s[0], s[1]), func(b *testing.B) {
				d := drive(b, busy(), s[0], s[1]).press(r.keys...)
				b.ReportAllocs()
				for b.Loop() {
					d.m.Update(tea.WindowSizeMsg{Width: s[0], Height: s[1]})
					d.m.View()
				}
			})
		}
	}
}
