package wire

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)

func TestRetryAfter_RF08(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) string { return noon.Add(d).Format(http.TimeFormat) }
	for _, row := range []struct {
		name   string
		values []string
		want   time.Duration
	}{
		{"absent", nil, 0},
		{"seconds", []string{"5"}, 5 * time.Second},
		{"zero", []string{"0"}, 0},
		{"date", []string{at(20 * time.Second)}, 20 * time.Second},
		{"old date form", []string{"Saturday, 22-Nov-25 12:00:20 GMT"}, 20 * time.Second},
		{"date in the past", []string{at(-time.Hour)}, 0},
		{"date far away", []string{at(24 * time.Hour)}, 300 * time.Second},
		{"year 9999", []string{"Fri, 31 Dec 9999 23:59:59 GMT"}, 300 * time.Second},
		{"negative", []string{"-1"}, 0},
		{"limit: Retry-After, 300 s", []string{"300"}, 300 * time.Second},
		{"limit: Retry-After, a second more", []string{"301"}, 300 * time.Second},
		{"many", []string{"999999999"}, 300 * time.Second},
		{"more than 64 bits", []string{"99999999999999999999999"}, 300 * time.Second},
		{"words", []string{"abc"}, 0},
		{"fraction", []string{"1.5"}, 0},
		{"hexadecimal", []string{"0x10"}, 0},
		{"sign", []string{"+5"}, 0},
		{"empty", []string{""}, 0},
		{"list", []string{"5, 6"}, 0},
		{"the larger of two", []string{"3", "7"}, 7 * time.Second},
		{"garbage and number", []string{"x", "7", "-9"}, 7 * time.Second},
		{"number and date", []string{"3", at(9 * time.Second)}, 9 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, row.want, retryAfter(row.values, noon))
		})
	}
}

// The date form is a time on the server's clock.
func TestRetryAfterByTheServersClock(t *testing.T) {
	t.Parallel()
	wrong := noon.Add(-90 * 24 * time.Hour)
	a, err := receive(t.Context(), &http.Response{StatusCode: 503, Body: io.NopCloser(strings.NewReader("{}")), Header: http.Header{
		"Date": {wrong.Format(http.TimeFormat)}, "Retry-After": {wrong.Add(time.Minute).Format(http.TimeFormat)}}})
	require.NoError(t, err)
	require.Equal(t, time.Minute, a.RetryAfter)
	require.True(t, wrong.Equal(a.Date))

	ours := time.Now().Add(2 * time.Minute).Format(http.TimeFormat)
	a, err = receive(t.Context(), &http.Response{StatusCode: 503, Body: io.NopCloser(strings.NewReader("{}")), Header: http.Header{
		"Date": {"yesterday"}, "Retry-After": {ours}}})
	require.NoError(t, err)
	require.InDelta(t, 2*time.Minute, a.RetryAfter, float64(5*time.Second))
	require.Zero(t, a.Date)
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"5", "-1", "999999999999999999999999", noon.Format(http.TimeFormat), "Fri, 31 Dec 9999 23:59:59 GMT", "abc"} {
		f.Add(s, "3")
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		d := retryAfter([]string{one, two}, noon)
		require.GreaterOrEqual(t, d, time.Duration(0))
		require.LessOrEqual(t, d, maxRetryAfter)
		require.Equal(t, max(retryAfter([]string{one}, noon), retryAfter([]string{two}, noon)), d)
	})
}

// Whatever a server sends: an answer is one JSON object as sent, and an error is
// one bounded line that a terminal can show.
func FuzzReceive(f *testing.F) {
	for _, body := range []string{`{"a":1}`, `{"a":1,"a":2}`, "\ufeff{}", "<html>", "a=b", "{}{}", "[1]", "", "\x1b[2J", `{"` + "\u202e" + `":1,"` + "\u202e" + `":1}`} {
		f.Add(200, "application/json", "1", []byte(body))
		f.Add(502, "text/html", noon.Format(http.TimeFormat), []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, media, wait string, body []byte) {
		a, err := receive(t.Context(), &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(string(body))),
			Header: http.Header{"Content-Type": {media}, "Retry-After": {wait}}})
		require.Equal(t, status, a.Status)
		if err != nil {
			require.Nil(t, a.Body)
			text := (&Error{Host: "idp.example", Status: status, Err: err}).Error()
			require.Less(t, utf8.RuneCountInString(text), 400)
			for _, r := range text {
				require.True(t, r >= ' ' && r < 0x7f, "%q", text)
			}
			return
		}
		require.NotEqual(t, 3, status/100)
		require.Equal(t, body, a.Body)
		var object map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(a.Body, &object))
		require.NotNil(t, object)
	})
}
