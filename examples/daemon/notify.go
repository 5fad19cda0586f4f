package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"strconv"
	"time"
)

// notifier tells systemd how the daemon is: a datagram to the socket that it named (sd_notify(3)), or nothing.
type notifier struct {
	socket string
	log    *slog.Logger
}

func (n notifier) send(state string) {
	if n.socket == "" {
		return
	}
	conn, err := net.Dial("unixgram", n.socket) // "@" before an abstract name is Go's way of writing it, too
	if err == nil {
		_, err = conn.Write([]byte(state))
		_ = conn.Close()
	}
	if err != nil {
		n.log.Warn("systemd not told", "error", err)
	}
}

// watchdog says twice in each interval that the daemon is alive, if systemd wants to know it of this process.
func (n notifier) watchdog(ctx context.Context, usec, pid string) {
	interval, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || interval <= 1 || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return
	}
	tick := time.NewTicker(time.Duration(interval) * time.Microsecond / 2)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			n.send("WATCHDOG=1")
		case <-ctx.Done():
			return
		}
	}
}
