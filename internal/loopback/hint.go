package loopback

import (
	"fmt"
	"strings"
	"sync"
)

// hints are the signs that the provider's answer came but could not be taken.
// They explain a timeout, nothing else: whoever can reach the port can cause
// them.
type hints struct {
	mu    sync.Mutex
	https bool
	mode  string // the method that an answer came by in the other response mode
	path  string // the other path that an answer came to
}

func (h *hints) note(set func(*hints)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	set(h)
}

// Hint says in half a sentence what was seen that may be the reason why no
// answer was accepted; "" when nothing was.
func (s *Server) Hint() string {
	h := &s.hints
	h.mu.Lock()
	defer h.mu.Unlock()
	var seen []string
	if h.https {
		seen = append(seen, "a browser tried https:// (HTTPS-only mode)")
	}
	if h.mode != "" {
		seen = append(seen, "an answer came by "+h.mode+", which is not the response mode that was asked for")
	}
	if h.path != "" {
		seen = append(seen, fmt.Sprintf("requests came to another path %+.64q", h.path))
	}
	return strings.Join(seen, "; ")
}
