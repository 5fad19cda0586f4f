package msaltest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Refusal is an error as [Platform.EditError] finds it.
type Refusal struct {
	Code        string   // error
	Description string   // error_description. Empty: none is sent
	Grant       string   // grant_type of the request; empty: it was for no token
	Scopes      []string // those that are refused; nil: the error is about something else
	Others      []string // the other ones of that request
}

// edited lets EditError say it in the provider's words.
func (p *Platform) edited(err *protocolError, grant string, scopes []string) *protocolError {
	if p.EditError == nil {
		return err
	}
	r := Refusal{Code: err.code, Description: err.description, Grant: grant}
	if err.code == invalidScope {
		r.Scopes, r.Others = p.judge(scopes)
	}
	p.EditError(&r)
	return &protocolError{r.Code, r.Description}
}

// dress gives an answer of the token and device endpoints the form that the provider's have.
func (p *Platform) dress(c *call, a answer) answer {
	if c.endpoint.name != "token" && c.endpoint.name != "device" {
		return a
	}
	if a.status >= http.StatusBadRequest {
		a = p.dressError(c, a)
	}
	if p.FormAnswers && !strings.Contains(c.Header.Get("Accept"), "json") {
		a.body = form(a.body)
		a.header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	return a
}

func (p *Platform) dressError(c *call, a answer) answer {
	if p.EditError != nil {
		var said struct {
			Code        string `json:"error"`
			Description string `json:"error_description"`
		}
		_ = json.Unmarshal(a.body, &said) // oauthError has written it
		err := p.edited(&protocolError{said.Code, said.Description}, c.form.Get("grant_type"), strings.Fields(c.form.Get("scope")))
		members := map[string]string{"error": err.code}
		if err.description != "" {
			members["error_description"] = err.description
		}
		a.body = jsonAnswer(a.status, members).body
	}
	if p.ErrorStatus != 0 {
		a.status = p.ErrorStatus
	}
	return a
}

// form encodes the members of a JSON object as a form.
func form(object []byte) []byte {
	members := map[string]any{}
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	_ = decoder.Decode(&members) // jsonAnswer has written it
	values := url.Values{}
	for name, value := range members {
		values.Set(name, fmt.Sprint(value))
	}
	return []byte(values.Encode())
}
