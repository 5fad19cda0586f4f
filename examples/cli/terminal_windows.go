package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// enableEscapes asks the console of Windows to know escape sequences.
func enableEscapes(file *os.File) {
	console := windows.Handle(file.Fd())
	var mode uint32
	if windows.GetConsoleMode(console, &mode) == nil {
		_ = windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING)
	}
}
