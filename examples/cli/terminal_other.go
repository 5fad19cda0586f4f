//go:build !windows

package main

import "os"

// enableEscapes does nothing: terminals know escape sequences.
func enableEscapes(*os.File) {}
