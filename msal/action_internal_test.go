package msal

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// advised is one way in which a server refuses, and what the program then does.
type advised struct {
	ServerError
	want   Action
	person bool // ErrSignInRequired
}

// suberrorLines have one line for each suberror.
var suberrorLines = []advised{
	{ServerError{Code: "invalid_grant", Suberror: "basic_action", Claims: "{}", Codes: []int{50076}}, ActionSignIn, true},
	{ServerError{Code: "interaction_required", Suberror: "basic_action", Claims: "{}", Codes: []int{50079}}, ActionSignIn, true},
	{ServerError{Code: "invalid_grant", Suberror: "additional_action"}, ActionSignIn, true},
	{ServerError{Code: "invalid_grant", Suberror: "message_only", Claims: `{"access_token":{"capolids":{}}}`, Codes: []int{53003}}, ActionGiveUp, true},
	{ServerError{Code: "invalid_grant", Suberror: "consent_required", Codes: []int{65001}}, ActionSignIn, true},
	{ServerError{Code: "invalid_grant", Suberror: "user_password_expired"}, ActionSignIn, true},
	{ServerError{Code: "invalid_grant", Suberror: "bad_token", Codes: []int{50173}}, ActionSignIn, true},
	{ServerError{Code: "invalid_grant", Suberror: "token_expired", Codes: []int{70043}}, ActionSignIn, true},
	{ServerError{Code: "invalid_grant", Suberror: "client_mismatch"}, ActionSignIn, true},
	{ServerError{Code: "invalid_grant", Suberror: "protection_policy_required", Codes: []int{53005}}, ActionGiveUp, true},
	{ServerError{Code: "unauthorized_client", Suberror: "protection_policy_required", Codes: []int{70000}}, ActionGiveUp, true},
	{ServerError{Code: "invalid_grant", Suberror: "device_authentication_failed"}, ActionAskAdmin, true},
}

// numberLines have one line for each line of the catalogue of Microsoft's
// numbers, and one for each error that it comes with.
var numberLines = []struct {
	numbers string
	errors  string // with a status where it is not 400
	want    Action
	person  bool
}{
	{"16000 16001 160021", "interaction_required", ActionSignIn, true},
	{"28000", "invalid_request invalid_scope", ActionFixApp, false},
	{"28002 28003", "invalid_scope", ActionFixApp, false},
	{"50001 500011", "invalid_resource", ActionFixApp, false},
	{"50011", "invalid_request", ActionFixApp, false}, // on the page alone
	{"50020 50034 50128 51004", "invalid_grant", ActionSignIn, true},
	{"50049", "invalid_instance", ActionFixApp, false},
	{"50053 50055 50126", "invalid_grant", ActionSignIn, true},
	{"50057", "invalid_grant", ActionAskAdmin, true},
	{"50058", "login_required", ActionSignIn, true},
	{"50059 90019", "invalid_request", ActionFixApp, false},
	{"50072 50074 50076 50078 50079", "interaction_required invalid_grant", ActionSignIn, true},
	{"50085 50089 50132 50133 50139 50173", "invalid_grant", ActionSignIn, true},
	{"50097 50129 50131 50155 50158 50187", "interaction_required invalid_grant", ActionSignIn, true},
	{"50105", "interaction_required", ActionAskAdmin, true},
	{"50105", "access_denied", ActionAskAdmin, false},
	{"50147 501491", "invalid_request", ActionFixApp, false},
	{"501481", "invalid_grant", ActionFixApp, true}, // at a redemption
	{"50194 9002332 90130 90124 9001023", "invalid_request", ActionFixApp, false},
	{"50196", "invalid_grant", ActionWait, false},
	{"50199 50140", "interaction_required", ActionSignIn, true},
	{"53000 53001 53002 53003 53004 530032 530035 53005", "access_denied", ActionGiveUp, false},
	{"53000 53001 53002 53003 53004 530032 530035 53005", "invalid_grant", ActionGiveUp, true},
	{"54005", "invalid_grant", ActionSignIn, true},
	{"65001", "invalid_grant", ActionSignIn, true},
	{"65004", "access_denied", ActionGiveUp, false},
	{"65004", "consent_required", ActionGiveUp, true},
	{"650052", "invalid_client access_denied", ActionAskAdmin, false},
	{"650054 650056 650057", "invalid_client invalid_resource invalid_request", ActionFixApp, false},
	{"650056", "access_denied", ActionFixApp, false},
	{"650053", "invalid_client access_denied", ActionFixApp, false},
	{"65002", "invalid_request unauthorized_client", ActionFixApp, false},
	{"70000", "invalid_grant", ActionSignIn, true},
	{"70001 7000112", "unauthorized_client", ActionAskAdmin, false},
	{"700016 700038", "unauthorized_client", ActionFixApp, false},
	{"700005", "invalid_grant", ActionFixApp, true},
	{"70002 7000215 7000222 700025 7000218", "invalid_client/401", ActionFixApp, false},
	{"70003", "unsupported_grant_type", ActionFixApp, false},
	{"70005 700054", "unsupported_response_type", ActionFixApp, false},
	{"70007", "unsupported_response_mode", ActionFixApp, false},
	{"70008 700081 700082 700084 70043", "invalid_grant", ActionSignIn, true},
	{"70011", "invalid_scope", ActionFixApp, false},
	{"70012 50033 90006 90012 90024 90033 90090 50087", "server_error/500 temporarily_unavailable/503 server_error", ActionRetry, false},
	{"70016", "authorization_pending", ActionWait, false},
	{"70018", "bad_verification_code", ActionSignIn, false},
	{"70018", "authorization_declined", ActionGiveUp, false},
	{"70019", "bad_verification_code expired_token", ActionSignIn, false},
	{"70020", "expired_token", ActionSignIn, false},
	{"", "authorization_declined access_denied", ActionGiveUp, false},
	{"", "slow_down", ActionWait, false},
	{"700020", "interaction_required", ActionSignIn, true},
	{"700022 700023", "invalid_scope", ActionFixApp, false},
	{"90002", "invalid_request", ActionFixApp, false},
	{"90008", "invalid_grant", ActionFixApp, true},
	{"90008", "unauthorized_client", ActionFixApp, false},
	{"90009 90010", "invalid_request", ActionFixApp, false},
	{"90014 900144 900561 900971", "invalid_request", ActionFixApp, false},
	{"90055", "temporarily_unavailable/429", ActionWait, false},
	{"90055", "temporarily_unavailable", ActionRetry, false},
	{"90094 90095", "consent_required", ActionAskAdmin, true}, // on the page
	{"901002", "invalid_request", ActionFixApp, false},
	{"9010010", "invalid_resource invalid_target", ActionFixApp, false},
	{"9002313", "invalid_request", ActionFixApp, false},
	{"900382 90038", "invalid_request", ActionFixApp, false},
	{"1002012", "invalid_scope", ActionFixApp, false},
	{"B2C90118", "access_denied", ActionSignIn, false},
	{"B2C90091", "access_denied", ActionGiveUp, false},
	{"B2C90146", "invalid_request", ActionFixApp, false},
	{"B2C90080", "invalid_grant", ActionSignIn, true},
	{"B2C90077", "login_required interaction_required", ActionSignIn, true},

	// Numbers that nobody knows: error and status alone.
	{"424242", "invalid_grant interaction_required", ActionSignIn, true},
	{"424242", "invalid_client/401 invalid_request invalid_scope", ActionFixApp, false},
	{"424242", "access_denied access_denied/403", ActionGiveUp, false},
	{"424242", "new_in_some_version", ActionGiveUp, false},
	{"424242", "new_in_some_version/500 server_error /400 /503 /408", ActionRetry, false},
	{"424242", "new_in_some_version/429 invalid_grant/429 /429", ActionWait, false},
}

func TestAction(t *testing.T) {
	t.Parallel()
	for _, line := range suberrorLines {
		line.check(t)
	}
	for _, line := range numberLines {
		for code := range strings.FieldsSeq(line.errors) {
			code, status, _ := strings.Cut(code, "/")
			e := ServerError{Code: code, StatusCode: 400}
			fmt.Sscan(status, &e.StatusCode)
			if line.numbers == "" {
				advised{e, line.want, line.person}.check(t)
			}
			for number := range strings.FieldsSeq(line.numbers) {
				e := e
				e.Description = "AAD" + number + ": Something is the matter."
				if !strings.HasPrefix(number, "B2C") {
					e.Description = "AADSTS" + number + ": Something is the matter."
					e.Codes = parseCodes(nil, e.Description)
				}
				advised{e, line.want, line.person}.check(t)
			}
		}
	}
}

func (a advised) check(t *testing.T) {
	t.Helper()
	require.Equal(t, a.want, a.Action(), "%+v", a.ServerError)
	require.Equal(t, a.person, a.needsPerson(), "%+v", a.ServerError)
	require.Regexp(t, `; [a-z].+`, a.Error())
}

// TestActionAgrees: whatever a server combines, what needs a person is never
// something to wait for, and no advice is empty.
func TestActionAgrees(t *testing.T) {
	t.Parallel()
	all := []Action{ActionSignIn, ActionAskAdmin, ActionFixApp, ActionWait, ActionRetry, ActionGiveUp}
	withNone := func(m map[string]Action) (keys []string) {
		for key := range m {
			keys = append(keys, key)
		}
		return append(keys, "", "unknown")
	}
	for _, code := range withNone(codes) {
		for _, suberror := range withNone(suberrors) {
			for _, status := range []int{0, 200, 400, 401, 403, 408, 429, 500, 503} {
				for _, h := range append(hints, hint{names: "none"}) {
					e := ServerError{Code: code, Suberror: suberror, StatusCode: status, Description: h.names}
					e.Codes = parseCodes(nil, strings.Fields(h.names)[0]+":")
					require.Contains(t, all, e.Action())
					if e.needsPerson() {
						require.NotContains(t, []Action{ActionWait, ActionRetry}, e.Action(), "%+v", e)
					}
					if e.terminal(true) || e.terminal(false) {
						require.True(t, e.needsPerson(), "%+v", e)
					}
				}
			}
		}
	}
	for _, h := range hints { // numbers have a say only where the rest would mislead
		require.True(t, h.instead == "" || slices.Contains([]Action{ActionSignIn, ActionAskAdmin, ActionFixApp, ActionGiveUp}, h.instead), h.names)
	}
}
