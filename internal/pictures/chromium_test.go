package pictures

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/internal/keychains"
)

// scale is how many pixels of a picture are one of the page's, which makes it sharp where it is shown at two thirds.
const scale = 1.5

// photograph is what Chromium shows at the address, to somebody who likes it light or dark and wants no motion.
func photograph(t *testing.T, address string, width, height int, dark bool) image.Image {
	t.Helper()
	s := keychains.NewSession(t) // a home for the profile, and an end for all processes
	file := filepath.Join(homeOf(s), "page.png")
	scheme := "1"
	if dark {
		scheme = "0"
	}
	args := []string{
		"--headless", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--password-store=basic",
		"--force-color-profile=srgb", "--force-prefers-reduced-motion", "--blink-settings=preferredColorScheme=" + scheme,
		"--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
		"--force-device-scale-factor=" + strconv.FormatFloat(scale, 'g', -1, 64),
		"--window-size=" + strconv.Itoa(width) + "," + strconv.Itoa(height),
		"--user-data-dir=" + filepath.Join(homeOf(s), "profile"), "--screenshot=" + file,
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // or Chromium does not start for root
	}
	cmd := exec.CommandContext(t.Context(), "chromium", append(args, address)...)
	cmd.Env = s.Environ()
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "chromium: %s (%s)", out, install)
	data, err := os.ReadFile(file)
	require.NoError(t, err, "%s", out)
	picture, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	return picture
}

// requireShown demands that there is something to see in a picture, and that its ground, for which a point of it stands, is
// light or dark as the reader likes it.
func requireShown(t *testing.T, picture image.Image, ground image.Point, dark bool) {
	t.Helper()
	shade := func(x, y int) int { return int(color.GrayModel.Convert(picture.At(x, y)).(color.Gray).Y) }
	b, least, most := picture.Bounds(), 255, 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			least, most = min(least, shade(x, y)), max(most, shade(x, y))
		}
	}
	require.Equal(t, dark, shade(ground.X, ground.Y) < 128)
	require.Less(t, least, 64)
	require.Greater(t, most, 192)
}

// scan reads the code in a picture with a camera's eyes.
func scan(t *testing.T, picture image.Image) string {
	t.Helper()
	var encoded bytes.Buffer
	require.NoError(t, png.Encode(&encoded, picture))
	name := filepath.Join(t.TempDir(), "picture.png")
	require.NoError(t, os.WriteFile(name, encoded.Bytes(), 0o600))
	out, err := exec.CommandContext(t.Context(), "zbarimg", "--quiet", "--raw", name).Output()
	require.NoError(t, err, "zbarimg finds no code (%s)", install)
	return strings.TrimSpace(string(out))
}
