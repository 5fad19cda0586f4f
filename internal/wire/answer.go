package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/staysigned/staysigned/internal/strictjson"
)

// Answer is what a server said.
type Answer struct {
	Status     int
	Header     http.Header
	Body       []byte        // one JSON object that strictjson accepts
	RetryAfter time.Duration // how long it asks to be left alone, at most 300 s; else 0
	Date       time.Time     // the server's clock; zero if it did not say
}

const (
	maxBody       = 1 << 20 // bytes, after decompression
	maxRetryAfter = 300 * time.Second
)

// receive reads an answer. With an error it still returns what the header says.
// No error of its own repeats anything of the body: an error page may echo the
// form.
func receive(ctx context.Context, resp *http.Response) (Answer, error) {
	a := Answer{Status: resp.StatusCode, Header: resp.Header}
	now := time.Now()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		a.Date, now = date, date
	}
	if waits := resp.Header.Values("Retry-After"); waits != nil {
		a.RetryAfter = retryAfter(waits, now)
	}
	if a.Status/100 == 3 {
		// 307 and 308 would carry the code or the refresh token along.
		return a, errors.New("a redirect, which is never followed; correct the endpoint")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch media := strings.ToLower(resp.Header.Get("Content-Type")); {
	case err != nil:
		return a, cause(ctx, err, true)
	case len(body) > maxBody:
		return a, errors.New("an answer of more than 1 MiB")
	case len(bytes.TrimSpace(body)) == 0:
		return a, errors.New("an empty answer where JSON was expected")
	case strings.HasPrefix(media, "text/html"):
		return a, errors.New("a web page, not JSON (captive portal or proxy?)")
	case strings.HasPrefix(media, "application/x-www-form-urlencoded") && bytes.TrimSpace(body)[0] != '{':
		return a, errors.New("a form, not JSON (RFC 6749 section 5.1 wants JSON)")
	}
	// A wrong or missing Content-Type is common and harmless: what counts is that
	// the body is JSON and nothing else.
	if err := strictjson.Check(body); err != nil {
		return a, fmt.Errorf("not JSON (captive portal or proxy?): %w", err)
	}
	if bytes.TrimSpace(body)[0] != '{' {
		return a, errors.New("JSON, but not an object")
	}
	a.Body = body
	return a, nil
}

// retryAfter understands both forms of RFC 9110 section 10.2.3. The date is held
// against the server's own clock; ours may be wrong by more than the wait.
func retryAfter(values []string, now time.Time) time.Duration {
	var longest time.Duration
	for _, v := range values {
		seconds, err := strconv.ParseUint(v, 10, 64)
		if err == nil || errors.Is(err, strconv.ErrRange) {
			longest = max(longest, time.Duration(min(seconds, uint64(maxRetryAfter/time.Second)))*time.Second)
		} else if at, err := http.ParseTime(v); err == nil {
			longest = max(longest, at.Sub(now))
		}
	}
	return min(longest, maxRetryAfter)
}
