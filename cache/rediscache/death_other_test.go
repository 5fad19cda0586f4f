//go:build unix && !linux

package rediscache_test

import "syscall"

func endsWithParent() *syscall.SysProcAttr { return nil }
