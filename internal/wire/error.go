package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/staysigned/staysigned/internal/termsafe"
)

// Error says why there is no [Answer].
type Error struct {
	Host       string        // who was asked; empty if the URL was refused
	Status     int           // 0 if there was no status line
	RetryAfter time.Duration // like Answer.RetryAfter
	Body       []byte        // of an answer to Get that is one JSON object, but not with the status 200
	Sent       bool          // anything of the form was handed out for sending; always false for Get
	Err        error         // without URL, body and credentials; never nil
}

func (e *Error) Error() string {
	text := termsafe.Text(e.Err.Error(), 300)
	switch {
	case e.Host == "":
		return text
	case e.Status == 0:
		return e.Host + ": no answer: " + text
	}
	return fmt.Sprintf("%s answered %d: %s", e.Host, e.Status, text)
}

func (e *Error) Unwrap() error { return e.Err }

// Timeout and Temporary make it a net.Error: so callers of the module, to whom
// the type has no name, tell what is of the network from all else.
func (e *Error) Timeout() bool {
	cause, ok := errors.AsType[net.Error](e.Err)
	return ok && cause.Timeout()
}

// Temporary reports that the same request may succeed later, as it will not
// while the URL is wrong or the certificate is not the server's.
func (e *Error) Temporary() bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](e.Err)
	return e.Host != "" && !certificate && e.Status/100 != 3
}

// Unknown reports that the server may have done what the form asked for, and
// that its answer is lost: a refresh token may be used up now. Other errors with
// a status are refusals; 502 and 504 come from a gateway that knows no more than
// we do.
func (e *Error) Unknown() bool {
	return e.Sent && (e.Status == 0 || e.Status/100 == 2 ||
		e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout)
}

// cause makes an error of a transport fit to be shown. What is not known to be
// harmless is replaced: a transport may repeat its proxy's URL with the password,
// and once the form was handed out, a text may be the server's and repeat the
// form (net/http quotes a malformed status line and the words of a GOAWAY).
func cause(ctx context.Context, err error, sent bool) error {
	if end, why := ctx.Err(), context.Cause(ctx); end != nil {
		if errors.Is(why, end) {
			return why
		}
		return fmt.Errorf("%w: %w", end, why)
	}
	if e, ok := errors.AsType[*net.OpError](err); ok { // addresses and what the system says
		return e
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*url.Error](err); ok { // from a transport that is a client itself
		return cause(ctx, e.Err, sent)
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return fmt.Errorf("not complete in time: %w", context.DeadlineExceeded)
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the connection ended early: %w", io.ErrUnexpectedEOF)
	case sent:
		return errors.New("the connection broke or what came was not HTTP")
	case strings.Contains(err.Error(), "@"):
		return errors.New("the transport's own message is withheld, as it may hold a password; is the proxy's URL valid?")
	}
	return err
}
