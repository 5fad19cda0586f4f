package wire

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Go takes the authorities that it trusts from a file that the environment names: whoever sets it decides, and the
// library neither hides that nor has a switch of its own.
func TestCertificateFile_EN06(t *testing.T) {
	const marker = "STAYSIGNED_TEST_ROOTS"
	if at := os.Getenv(marker); at != "" {
		_, err := New(nil, 0, false).Get(t.Context(), at)
		fmt.Println("error:", err)
		return
	}
	t.Parallel()
	s := secureServer(t, func(w http.ResponseWriter, _ *http.Request) { write(w, "{}") }, func(*httptest.Server) {})
	file := filepath.Join(t.TempDir(), "roots.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	for value, want := range map[string]string{file: "error: <nil>", os.DevNull: "certificate"} {
		child := exec.Command(os.Args[0], "-test.run=^TestCertificateFile_EN06$", "-test.v")
		child.Env = append(os.Environ(), marker+"="+s.URL, "SSL_CERT_FILE="+value, "SSL_CERT_DIR="+t.TempDir())
		out, err := child.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), want)
	}
}
