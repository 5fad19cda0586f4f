// Demo is an identity platform to try the command line tool with: no account, nothing leaves this machine.
//
//	go -C examples/cli run ./demo
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/staysigned/staysigned/msal/msaltest"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8765", "`address` on this machine")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	platform := &msaltest.Platform{Interactive: true, AccessTokenLife: time.Minute, DeviceInterval: time.Second}
	context.AfterFunc(ctx, platform.Close)
	fmt.Printf("In another terminal:\n\n  export STAYSIGNED_AUTHORITY=http://%s STAYSIGNED_CLIENT_ID=demo STAYSIGNED_INSECURE_LOOPBACK_HTTP=true\n"+
		"  staysigned login\n\nCtrl-C ends the platform, and all sessions with it.\n", l.Addr())
	return platform.Serve(l)
}
