package msal

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// catalogue are the numbers that a public client may meet.
const catalogue = `
	16000 16001 160021 28000 28002 28003 50001 500011 50011 50020 50034 50128 51004 50049 50053 50057 50055 50126 50058 50059 90019
	50072 50074 50076 50078 50079 50085 50089 50132 50133 50139 50173 50097 50129 50131 50155 50158 50187 50105 50147 501481 501491
	50194 9002332 90130 90124 9001023 50196 50199 50140 53000 53001 53002 53003 53004 530032 530035 53005 54005 65001 65004 650052
	650054 650056 650057 650053 65002 70000 70001 700016 7000112 700038 700005 70002 7000215 7000222 700025 7000218 70003 70005
	700054 70007 70008 700081 700082 700084 70043 70011 70012 50033 90006 90012 90024 90033 90090 50087 70016 70018 70019 70020
	700020 700022 700023 90002 90008 90009 90010 90014 900144 900561 900971 90055 90094 90095 901002 9010010 9002313 900382 90038
	1002012 B2C90118 B2C90091 B2C90146 B2C90080 B2C90077`

// Each hint is one short sentence that ends in what to do, and each number has one.
func TestHints(t *testing.T) {
	t.Parallel()
	verbs := strings.Fields("add allow ask call choose copy correct enroll keep leave name redeem register remove see set sign spell start try use wait")
	var names []string
	for _, h := range hints {
		require.LessOrEqual(t, utf8.RuneCountInString(h.text), 160, h.text)
		require.Regexp(t, `^[a-z][ -~]*[a-zA-Z)]$`, h.text, "one sentence of one line, without its full stop")
		require.NotRegexp(t, `[.!?] |%|;.*;`, h.text)
		_, do, ok := strings.Cut(h.text, "; ")
		require.True(t, ok, h.text)
		verb, _, _ := strings.Cut(do, " ")
		require.Contains(t, verbs, verb, h.text)
		for name := range strings.FieldsSeq(h.names) {
			require.Regexp(t, `^AAD(STS|B2C)[0-9]+$`, name)
			names = append(names, name)
		}
	}
	var want []string
	for number := range strings.FieldsSeq(catalogue) {
		if !strings.HasPrefix(number, "B2C") {
			number = "STS" + number
		}
		want = append(want, "AAD"+number)
	}
	slices.Sort(names)
	slices.Sort(want)
	require.Equal(t, want, names)
}

// TestHintOf: of several numbers the one that says most, wherever it stands.
func TestHintOf(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		codes       []int
		description string
		want        string // names of the hint; "": none
	}{
		"in error_codes":        {[]int{50173}, "", "AADSTS50173"},
		"in the description":    {nil, "AADSTS50173: It is over.", "AADSTS50173"},
		"of both the text's":    {[]int{70000}, "AADSTS53005: Application needs to enforce Intune protection policies", "AADSTS53005"},
		"the later one":         {[]int{70002, 54005}, "AADSTS70002: Error validating credentials. AADSTS54005: Code was redeemed.", "AADSTS54005"},
		"the later of codes":    {[]int{70002, 54005}, "", "AADSTS54005"},
		"the one that is known": {[]int{65001, 424242}, "AADSTS424242: News.", "AADSTS65001"},
		"of B2C":                {nil, "AADB2C90080: It is over.\r\nCorrelation ID: x", "AADB2C90080"},
		"of B2C, not AADSTS":    {nil, "AADB2C50173: Something else.", ""},
		"unknown":               {[]int{424242}, "AADSTS424242: News.", ""},
		"none":                  {nil, "The token is over.", ""},
		"no name":               {nil, "AADSTS AADSTS: xAADSTS50173 AADSTS50173x AADSTS5017.3", ""},
		"digits without end":    {nil, "AADSTS" + strings.Repeat("5", 1000), ""},
		"names without end":     {nil, strings.Repeat("AADSTS424242 ", 1000) + "AADSTS50173", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := (&ServerError{Codes: tc.codes, Description: tc.description}).hint()
			if tc.want == "" {
				require.Nil(t, h)
				return
			}
			require.Equal(t, tc.want, h.names)
		})
	}
}

const guid = "0000aaaa-11bb-cccc-dd33-eeeeee333333"

// TestServerErrorText: the server's words as far as a person needs them, in the
// forms of the years, and what to do.
func TestServerErrorText(t *testing.T) {
	t.Parallel()
	const trace = "Trace ID: 1111aaaa-11bb-cccc-dd33-eeeeee333333"
	for name, tc := range map[string]struct {
		e    ServerError
		want string
	}{
		"lines": {ServerError{Code: "invalid_grant", StatusCode: 400, Suberror: "bad_token", CorrelationID: guid,
			Description: "AADSTS50173: The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.\r\n" + trace + "\r\nCorrelation ID: " + guid + "\r\nTimestamp: 2020-08-13 21:24:29Z"},
			"server said invalid_grant (bad_token), status 400, correlation ID " + guid + ": AADSTS50173: The provided grant has expired due to it being revoked, a fresh auth token is needed; " +
				"the person or an administrator has revoked the session, as a new password does; sign in again"},
		"spaces": {ServerError{Code: "unauthorized_client", StatusCode: 400,
			Description: "AADSTS700038: x is not a valid application identifier. " + trace + " Correlation ID: " + guid + " Timestamp: 2026-08-13 21:24:29Z"},
			"server said unauthorized_client, status 400: AADSTS700038: x is not a valid application identifier; " +
				"this is no application ID; copy the Application (client) ID of the portal to Config.ClientID"},
		"without a hint, all of it": {ServerError{Code: "invalid_request",
			Description: "AADSTS424242: First. Second.\r\n" + trace + "\r\n"},
			"server said invalid_request: AADSTS424242: First. Second; correct the application or its registration"},
		"B2C": {ServerError{Code: "access_denied",
			Description: "AADB2C90091: The user has cancelled entering self-asserted information.\r\nCorrelation ID: " + guid + "\r\nTimestamp: 2026-01-02 03:04:05Z\r\n"},
			"server said access_denied: AADB2C90091: The user has cancelled entering self-asserted information; the person has left the page; ask again only if they want to"},
		"another server's": {ServerError{Code: "invalid_grant", StatusCode: 400, Description: "Trace ID: mine. Token is over."},
			"server said invalid_grant, status 400: Trace ID: mine. Token is over; sign in again"},
		"a terminal's": {ServerError{Code: "x\x1b[2J", Suberror: "y\n", CorrelationID: "z\r", Description: "AADSTS50173: \x1b]0;title\a"},
			`server said x\u{1b}[2J (y\u{a}), correlation ID z\u{d}: AADSTS50173: \u{1b}]0;title\u{7}; ` +
				"the person or an administrator has revoked the session, as a new password does; sign in again"},
		"throttled":     {ServerError{Code: "temporarily_unavailable", StatusCode: 429, RetryAfter: 12e9}, "server said temporarily_unavailable, status 429; wait before calling again (12s at least)"},
		"without words": {ServerError{StatusCode: 503}, "the server answered without saying what is wrong, status 503; try again later"},
		"nothing":       {ServerError{}, "the server answered without saying what is wrong; try again later"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, tc.e.Error())
		})
	}
}

func TestCorrelation(t *testing.T) {
	t.Parallel()
	for description, want := range map[string]string{
		"AADSTS1: x. Trace ID: y Correlation ID: " + guid + " Timestamp: z": guid,
		"AADB2C1: x.\r\nCorrelation ID:" + guid + "\r\nTimestamp: z":        guid,
		"Correlation ID: " + guid:                             guid,
		"Correlation ID: " + guid + "0":                       guid,
		"Correlation ID: " + guid[:35]:                        "",
		"Correlation ID: ":                                    "",
		"Correlation ID: a secret of thirty-seven characters": "",
		"": "",
	} {
		require.Equal(t, want, correlation(description), description)
	}
}
