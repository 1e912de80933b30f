package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// What a status quotes reads the same as long as the reason is the same.
func TestTheReasonIsSteady(t *testing.T) {
	get := func(path string, err error) error {
		return &url.Error{Op: "Get", URL: "https://a:6443" + path, Err: err}
	}
	for _, c := range []struct {
		name string
		a, b error
		want string
	}{
		{"what was asked", get("/version", errors.New("connection refused")), get("/readyz", errors.New("connection refused")), "connection refused"},
		{"ports", get("/version", errors.New("read tcp 10.0.0.1:41234->10.0.0.2:6443: connection reset by peer")), get("/version", errors.New("read tcp 10.0.0.1:55555->10.0.0.2:6443: connection reset by peer")), "read tcp 10.0.0.2:6443: connection reset by peer"},
		{"time", get("/readyz", context.DeadlineExceeded), fmt.Errorf("waiting: %w", context.DeadlineExceeded), "no answer within 5s"},
		{"a server that starts", errors.New("[+]ping ok\\n[-]etcd failed: reason withheld\\n[+]log ok"), errors.New("[+]ping ok [-]etcd failed: reason withheld [+]log ok [+]more ok"), "it is not ready: etcd"},
	} {
		a, b := steady(c.a).Error(), steady(c.b).Error()
		if a != c.want || b != c.want {
			t.Errorf("%s: %q and %q; want %q", c.name, a, b, c.want)
		}
		if !errors.Is(steady(c.a), c.a) {
			t.Errorf("%s: the cause is lost", c.name)
		}
	}
	if long := steady(errors.New(strings.Repeat("x", 10000))).Error(); len(long) > 600 {
		t.Errorf("%d bytes", len(long))
	}
	if steady(nil) != nil {
		t.Error("nothing is something")
	}
}
