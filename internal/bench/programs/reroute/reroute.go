// Package reroute lets a program reach a platform on a socket of this machine under its real address.
package reroute

import (
	"net/http"
	"time"
)

// Client sends what is meant for https://login.microsoftonline.com to address, in the clear.
func Client(address string) *http.Client {
	return &http.Client{Transport: to(address), Timeout: time.Minute}
}

type to string

// RoundTrip implements [http.RoundTripper].
func (address to) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	r.URL.Scheme, r.URL.Host = "http", string(address)
	return http.DefaultTransport.RoundTrip(r)
}
