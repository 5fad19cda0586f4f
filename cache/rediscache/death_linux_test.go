package rediscache_test

import "syscall"

// endsWithParent has the server end with the test binary, however that ends.
func endsWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
