package interop

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// ClientID is the one client that every Provider knows: native, public, PKCE, any loopback port, the paths "/" and "/callback".
const ClientID = "interop"

// Provider is an oidc-provider process of one test.
type Provider struct {
	Issuer string // http://127.0.0.1:port

	mu  sync.Mutex
	log strings.Builder
}

// StartProvider starts op/op.mjs and stops it when the test ends; env are its knobs, as in "AT_TTL=2". The log of the
// process goes to the log of a test that failed.
func StartProvider(t testing.TB, env ...string) *Provider {
	t.Helper()
	// The runtime comes with the provider (package.json pins both), since Debian 12's own is older than the provider takes.
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	node := filepath.Join("op", "node_modules", "node-"+runtime.GOOS+"-"+arch, "bin", "node")
	if _, err := os.Stat(node); err != nil {
		t.Fatalf("no oidc-provider here (%v): %s", err, install)
	}

	cmd := exec.Command(node, "op/op.mjs")
	cmd.Env = append(os.Environ(), env...)
	// The process ends when this pipe closes, so also when the test binary is killed.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	p := &Provider{}
	ready, closed := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(closed)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			p.record(lines.Text())
			if issuer, ok := strings.CutPrefix(lines.Text(), "READY "); ok {
				ready <- issuer
			}
		}
	}()
	t.Cleanup(func() {
		stdin.Close()
		<-closed
		if err := cmd.Wait(); err != nil {
			t.Errorf("oidc-provider ended by itself: %v", err)
		}
		if t.Failed() {
			t.Logf("oidc-provider said:\n%s", p.said())
		}
	})

	select {
	case p.Issuer = <-ready:
	case <-closed:
		t.Fatal("oidc-provider ended before it listened")
	case <-time.After(time.Minute): // 1 s on an idle machine
		t.Fatal("oidc-provider did not listen within a minute")
	}
	return p
}

func (p *Provider) record(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log.WriteString(line + "\n")
}

func (p *Provider) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}
