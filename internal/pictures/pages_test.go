package pictures

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/staysigned/staysigned/msal"
	"github.com/staysigned/staysigned/msal/msaltest"
)

// The window of the browser, in its own pixels.
const windowWidth, windowHeight = 560, 440

// The pages at which a sign-in ends in the browser, as the library sends them.
func TestPages(t *testing.T) {
	t.Parallel()
	sums := ""
	for _, p := range []struct {
		name string
		deny bool
	}{{"signed-in", false}, {"not-signed-in", true}} {
		header, page := resultPage(t, p.deny)
		sums += fmt.Sprintf("%x  %s\n", sha256.Sum256(page), p.name)
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			maps.Copy(rw.Header(), header)
			_, _ = rw.Write(page)
		}))
		t.Cleanup(server.Close)
		for _, dark := range []bool{false, true} {
			name := p.name + map[bool]string{false: "-light.png", true: "-dark.png"}[dark]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				picture := photograph(t, server.URL, windowWidth, windowHeight, dark)
				if *update {
					write(t, name, few(t, picture))
				}
				kept, err := png.Decode(bytes.NewReader(kept(t, name)))
				require.NoError(t, err)
				for _, picture := range []image.Image{picture, kept} {
					require.Equal(t, image.Rect(0, 0, windowWidth*scale, windowHeight*scale), picture.Bounds())
					requireShown(t, picture, image.Pt(0, 0), dark)
				}
			})
		}
	}
	golden(t, "pages.sha256", sums)
}

// resultPage signs somebody in, or lets them refuse, and returns what their browser gets in the end.
func resultPage(t *testing.T, deny bool) (http.Header, []byte) {
	t.Helper()
	idp := &msaltest.Platform{}
	idp.Start()
	t.Cleanup(idp.Close)
	if deny {
		idp.Deny()
	}
	client, err := msal.New(msal.Config{ClientID: "pictures", Authority: idp.URL, InsecureLoopbackHTTP: true})
	require.NoError(t, err)
	type result struct {
		header http.Header
		page   []byte
		err    error
	}
	for range 10 { // the page is there for a browser that comes at once, and a busy machine can be late for it
		got := make(chan result, 1)
		_, err = client.SignIn(t.Context(), msal.Browser{Open: func(ctx context.Context, address string) error {
			go func() {
				header, page, err := press(context.WithoutCancel(ctx), address)
				got <- result{header, page, err}
			}()
			return nil
		}}, "read")
		require.Equal(t, deny, err != nil, err)
		if r := <-got; r.err == nil {
			return r.header, r.page
		} else {
			t.Log(r.err)
		}
	}
	require.Fail(t, "nobody gets to see the result page")
	return nil, nil
}

// few is the picture in its 256 most frequent colors, which is a third of the bytes and hard to tell from all of them.
func few(t *testing.T, picture image.Image) []byte {
	t.Helper()
	count, b := map[color.RGBA]int{}, picture.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			count[color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)]++
		}
	}
	var palette color.Palette
	for _, c := range slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	}) {
		palette = append(palette, c)
	}
	small := image.NewPaletted(b, palette[:min(len(palette), 256)])
	draw.Draw(small, b, picture, b.Min, draw.Src)
	var out bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small))
	return out.Bytes()
}
