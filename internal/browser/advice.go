package browser

const (
	adviceSudo      = "running through sudo: no browser is started with root's rights; open the address by hand, or run without sudo"
	adviceSSH       = "over SSH: connect with ssh -L PORT:localhost:PORT and open the address on your own machine, or sign in by device code"
	adviceContainer = "in a container: run it with --network=host and open the address on the host, or sign in by device code"
	adviceWSL       = "in WSL without Windows programs: install wslu, open the address in Windows by hand, or sign in by device code"
	adviceDisplay   = "no display (DISPLAY and WAYLAND_DISPLAY are not set): open the address in a browser on this machine, or sign in by device code"
	adviceLauncher  = "no program that opens a browser: install xdg-utils, set BROWSER, or open the address by hand"
)

// advice goes from what was said outright to what can be guessed. A usable
// BROWSER comes first: editors set it in their remote sessions and containers,
// where it opens a browser at the other end and forwards the port. Where the
// person sits comes next: over SSH a browser would come up, if at all, on a
// screen that nobody looks at. A container or WSL in itself is no obstacle.
func (m machine) advice() string {
	launcher := m.hasAny(m.usual())
	display := m.getenv("DISPLAY")+m.getenv("WAYLAND_DISPLAY") != ""
	needsDisplay := m.goos != "windows" && m.goos != "darwin" && !m.isWSL()
	switch {
	case m.elevated:
		return adviceSudo
	case m.hasAny(m.chosen()):
		return ""
	case m.isSSH() && !(needsDisplay && display): // with a display, X comes along through the connection
		return adviceSSH
	case m.isContainer() && (!launcher || needsDisplay && !display):
		return adviceContainer
	case m.isWSL() && !launcher:
		return adviceWSL
	case needsDisplay && !display:
		return adviceDisplay
	case !launcher:
		return adviceLauncher
	}
	return ""
}

func (m machine) isSSH() bool {
	return m.getenv("SSH_CONNECTION")+m.getenv("SSH_CLIENT")+m.getenv("SSH_TTY") != ""
}

// isContainer knows Docker's and Podman's mark, what systemd and others set,
// and Kubernetes.
func (m machine) isContainer() bool {
	return m.exists("/.dockerenv") || m.exists("/run/.containerenv") ||
		m.getenv("container")+m.getenv("KUBERNETES_SERVICE_HOST") != ""
}
