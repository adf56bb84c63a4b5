package tui

import (
	"testing"

	tea "github.com/charmbracelet/bubbletea"
)

// BenchmarkFrame draws the fullest dashboard anew, as every snapshot makes it do.
func BenchmarkFrame(b *testing.B) {
	for _, s := range [][2]int{{80, 24}, {160, 48}} {
		b.Run("dashboard", func(b *testing.B) {
			d := drive(b, busy(), s[0], s[1])
			b.ReportAllocs()
			for b.Loop() {
				d.m.Update(tea.WindowSizeMsg{Width: s[0], Height: s[1]})
				d.m.View()
			}
		})
	}
}
