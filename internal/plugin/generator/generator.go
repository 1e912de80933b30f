// Package generator asks the services that make parameters for ApplicationSets: Argo CD's plugin generator.
//
// The idea: one POST to <baseUrl>/api/v1/getparams.execute, with the input that the ApplicationSet gives and a token that
// both sides know; the answer is a list of objects. Read Ask first. The package refuses whatever is not exactly such an
// answer: a redirect, a page, an empty body or a missing list is an error, for an ApplicationSet deletes what is not
// in a list. It reads no records: who asks says where the service is and what the token is.
package generator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Bounds of an exchange.
const (
	usualTimeout = 30 * time.Second // Argo CD's
	mostTimeout  = 5 * time.Minute
	mostAnswer   = 8 << 20 // bytes
	mostFault    = 512     // of what a service says of its failure
)

// Service is where a plugin answers, and the secret that it and we share. It never shows the token.
type Service struct {
	URL     string // http or https
	Token   string
	Timeout time.Duration // 30 s when 0
}

// String implements fmt.Stringer.
func (s Service) String() string { return "plugin at " + s.host() }

// GoString implements fmt.GoStringer.
func (s Service) GoString() string { return s.String() }

// Format implements fmt.Formatter: no verb shows the token.
func (s Service) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

func (s Service) host() string {
	if u, err := url.Parse(s.URL); err == nil && u.Host != "" {
		return u.Host
	}
	return "an address that cannot be read"
}

// Client asks services. It is safe for concurrent use.
type Client struct{ http *http.Client }

// New returns a client. Proxies are not used: the token and what is asked are between us and the service.
func New() *Client {
	return &Client{http: &http.Client{
		Transport: &http.Transport{
			DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for one host
	}}
}

// Ask returns the objects that a service answers for an ApplicationSet's input. The error is Unavailable when it cannot be
// reached, refuses the token or does not answer as it should, Invalid when its address is none.
func (c *Client) Ask(ctx context.Context, s Service, set string, input map[string]v1alpha1.RawJSON) ([]map[string]any, error) {
	u, err := url.Parse(s.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return nil, problem.New(problem.Invalid, "the plugin's baseUrl is no address of http or https").WithHint("set baseUrl in the ConfigMap that the generator names; a password belongs into the token")
	}
	if input == nil {
		input = map[string]v1alpha1.RawJSON{}
	}
	body, err := json.Marshal(map[string]any{"applicationSetName": set, "input": map[string]any{"parameters": input}})
	if err != nil {
		return nil, problem.Because(problem.Invalid, err, "write the input of %s", s)
	}
	timeout := usualTimeout
	if s.Timeout > 0 {
		timeout = min(s.Timeout, mostTimeout)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.JoinPath("api/v1/getparams.execute").String(), bytes.NewReader(body))
	if err != nil {
		return nil, problem.New(problem.Invalid, "the plugin's baseUrl cannot be asked")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+s.Token)
	request.Header.Set("User-Agent", "hawser")
	answer, err := c.http.Do(request)
	if err != nil {
		var in *url.Error
		if errors.As(err, &in) {
			err = in.Err // without the address, which may hold what is nobody's business
		}
		if ctx.Err() != nil && errors.Is(err, context.DeadlineExceeded) {
			return nil, problem.New(problem.Unavailable, "%s does not answer within %s", s, timeout).WithHint("raise requestTimeout in its ConfigMap")
		}
		return nil, problem.Because(problem.Unavailable, err, "ask %s", s)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer+1))
	if err != nil {
		return nil, problem.Because(problem.Unavailable, err, "read the answer of %s", s)
	}
	if answer.StatusCode/100 != 2 {
		return nil, s.refusal(answer, text)
	}
	if len(text) > mostAnswer {
		return nil, problem.New(problem.Limit, "%s answers with more than %d MiB", s, mostAnswer>>20)
	}
	return s.read(text)
}

// read takes the list out of an answer.
func (s Service) read(text []byte) ([]map[string]any, error) {
	var said struct {
		Output *struct {
			Parameters *[]map[string]any `json:"parameters"`
		} `json:"output"`
	}
	if err := json.Unmarshal(text, &said); err != nil {
		return nil, problem.New(problem.Unavailable, "%s does not answer with parameters: %v", s, err)
	}
	if said.Output == nil || said.Output.Parameters == nil {
		return nil, problem.New(problem.Unavailable, "the answer of %s holds no list output.parameters", s).WithHint("a plugin that means no parameters answers with an empty list")
	}
	for i, p := range *said.Output.Parameters {
		if p == nil {
			return nil, problem.New(problem.Unavailable, "element %d of what %s answers is no object", i+1, s)
		}
	}
	return *said.Output.Parameters, nil
}

// refusal is what a service says instead of an answer.
func (s Service) refusal(answer *http.Response, text []byte) error {
	hint := "it is asked again"
	switch code := answer.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		hint = "the token of its ConfigMap must be the one that the plugin expects"
	case code/100 == 3:
		return problem.New(problem.Unavailable, "%s redirects, and its token is for no other host", s).WithHint("set baseUrl to where it is")
	}
	var said struct{ Message, Error string }
	_ = json.Unmarshal(text, &said)
	words := said.Message
	if words == "" {
		words = said.Error
	}
	if words = strings.ToValidUTF8(words[:min(len(words), mostFault)], ""); words != "" {
		if s.Token != "" {
			words = strings.ReplaceAll(words, s.Token, "******")
		}
		words = ": " + words
	}
	return problem.New(problem.Unavailable, "%s answers %d%s", s, answer.StatusCode, words).WithHint("%s", hint)
}
