//go:build !linux

package keychain

// kernelKeyring has no name: only Linux has one.
func kernelKeyring() Place { return Place{} }
