package main

import (
	"fmt"
	"sync"
	"time"
)

// countdown shows what is waited for and how long that may still take, until stop is called. Where there is no terminal
// to show it on, it says once what is waited for.
func (t *talk) countdown(what string, until time.Time) (stop func()) {
	if !t.live {
		t.say("%s (until %s) ...\n", what, until.Format("15:04"))
		return func() {}
	}
	show := func() {
		line := []rune(fmt.Sprintf("%s ... %s left, Ctrl-C to stop", what, left(time.Until(until))))
		line = line[:min(len(line), max(width(t.file)-3, 0))] // a line that wraps cannot be taken back, nor one that "^C" makes wrap
		t.change(t.dim(string(line)))
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		second := time.NewTicker(time.Second)
		defer second.Stop()
		for {
			show()
			select {
			case <-second.C:
			case <-done:
				t.change("")
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(done)
		<-ended
	})
}

// left is a time in minutes and seconds.
func left(d time.Duration) string {
	seconds := int(max(d, 0).Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}
