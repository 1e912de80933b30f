package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect"

	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/server/argocd"
	"github.com/hawser-cd/hawser/internal/server/wire"
)

const (
	getUserInfo = "session.SessionService/GetUserInfo"
	create      = "session.SessionService/Create"
)

// far is a server of three methods behind a proxy that may not pass everything on.
type far struct {
	address       string
	proxy         func(w http.ResponseWriter, r *http.Request) (passOn bool)
	asked, logins atomic.Int32
	token         string // of the last request
	fails         atomic.Int32
}

func start(t *testing.T) *far {
	t.Helper()
	f := &far{proxy: func(http.ResponseWriter, *http.Request) bool { return true }}
	o := []connect.HandlerOption{connect.WithCodec(wire.Codec{}), connect.WithCompressMinBytes(1 << 30)}
	mux := http.NewServeMux()
	mux.Handle("/"+versionMethod, connect.NewUnaryHandler("/"+versionMethod, func(context.Context, *connect.Request[argocd.Empty]) (*connect.Response[argocd.VersionMessage], error) {
		return connect.NewResponse(&argocd.VersionMessage{Version: "v3"}), nil
	}, o...))
	mux.Handle("/"+getUserInfo, connect.NewUnaryHandler("/"+getUserInfo, func(_ context.Context, r *connect.Request[argocd.GetUserInfoRequest]) (*connect.Response[argocd.GetUserInfoResponse], error) {
		f.asked.Add(1)
		f.token = r.Header().Get("Token")
		if f.fails.Add(-1) >= 0 {
			return nil, connect.NewError(connect.CodeUnavailable, errors.New("busy"))
		}
		answer := connect.NewResponse(&argocd.GetUserInfoResponse{LoggedIn: true})
		answer.Header().Set("Renew-Token", "renewed")
		return answer, nil
	}, o...))
	mux.Handle("/"+create, connect.NewUnaryHandler("/"+create, func(context.Context, *connect.Request[argocd.SessionCreateRequest]) (*connect.Response[argocd.SessionResponse], error) {
		f.logins.Add(1)
		if f.fails.Add(-1) >= 0 {
			return nil, connect.NewError(connect.CodeUnavailable, errors.New("busy"))
		}
		return connect.NewResponse(&argocd.SessionResponse{Token: "t"}), nil
	}, o...))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.proxy(w, r) {
			mux.ServeHTTP(w, r)
		}
	})}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	f.address = l.Addr().String()
	return f
}

// noGRPC is a proxy that knows nothing of gRPC.
func noGRPC(w http.ResponseWriter, r *http.Request) bool {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc-web") {
		return true
	}
	http.Error(w, "<html>bad gateway</html>", http.StatusBadGateway)
	return false
}

func (f *far) client(t *testing.T, change func(*Server)) *Client {
	t.Helper()
	s := Server{Address: f.address, PlainText: true, Token: "given"}
	if change != nil {
		change(&s)
	}
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestARenewedTokenIsUsedAndTold(t *testing.T) {
	f := start(t)
	told := ""
	c := f.client(t, func(s *Server) { s.Renewed = func(token string) { told = token } })
	for _, want := range []string{"given", "renewed"} {
		if _, err := Call[argocd.GetUserInfoRequest, argocd.GetUserInfoResponse](t.Context(), c, getUserInfo, &argocd.GetUserInfoRequest{}); err != nil {
			t.Fatal(err)
		}
		if f.token != want {
			t.Errorf("sent %q, want %q", f.token, want)
		}
	}
	if told != "renewed" {
		t.Errorf("told %q", told)
	}
}

func TestAProxyThatPassesNoGRPCOnIsPassedByGRPCWeb(t *testing.T) {
	for _, method := range []string{getUserInfo, create} {
		f := start(t)
		f.proxy = noGRPC
		fell := 0
		c := f.client(t, func(s *Server) { s.FellBack = func() { fell++ } })
		for range 2 {
			var err error
			if method == create {
				_, err = Call[argocd.SessionCreateRequest, argocd.SessionResponse](t.Context(), c, create, &argocd.SessionCreateRequest{})
			} else {
				_, err = Call[argocd.GetUserInfoRequest, argocd.GetUserInfoResponse](t.Context(), c, getUserInfo, &argocd.GetUserInfoRequest{})
			}
			if err != nil {
				t.Fatalf("%s: %v", method, err)
			}
		}
		if fell != 1 || f.asked.Load()+f.logins.Load() != 2 {
			t.Errorf("%s: fell back %d times, %d requests", method, fell, f.asked.Load()+f.logins.Load())
		}
	}
}

// A proxy that cuts a connection after the request has gone through must not make the command write twice.
func TestAWriteIsNeverSentTwice(t *testing.T) {
	f := start(t)
	passed := 0
	f.proxy = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/"+create {
			return true
		}
		passed++
		panic(http.ErrAbortHandler)
	}
	c := f.client(t, nil)
	_, err := Call[argocd.SessionCreateRequest, argocd.SessionResponse](t.Context(), c, create, &argocd.SessionCreateRequest{})
	if err == nil || passed != 1 {
		t.Errorf("sent %d times: %v", passed, err)
	}
	f = start(t)
	f.fails.Store(1)
	c = f.client(t, nil)
	if _, err := Call[argocd.SessionCreateRequest, argocd.SessionResponse](t.Context(), c, create, &argocd.SessionCreateRequest{}); Code(err) != connect.CodeUnavailable || f.logins.Load() != 1 {
		t.Errorf("a write to a busy server: %d times, %v", f.logins.Load(), err)
	}
}

func TestAReadIsTriedAgainWhenTheServerIsBusy(t *testing.T) {
	f := start(t)
	f.fails.Store(1)
	if _, err := Call[argocd.GetUserInfoRequest, argocd.GetUserInfoResponse](t.Context(), f.client(t, nil), getUserInfo, &argocd.GetUserInfoRequest{}); err != nil || f.asked.Load() != 2 {
		t.Errorf("asked %d times: %v", f.asked.Load(), err)
	}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	for _, method := range []string{getUserInfo, create} {
		c, err := New(Server{Address: address, PlainText: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = Call[argocd.Empty, argocd.Empty](t.Context(), c, method, &argocd.Empty{})
		if !problem.Is(err, problem.Unavailable) || !strings.Contains(err.Error(), "cannot reach "+address) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if _, err := New(Server{}); !problem.Is(err, problem.Invalid) {
		t.Errorf("no address: %v", err)
	}
}

func TestReadsAreKnownByName(t *testing.T) {
	for method, want := range map[string]bool{
		"application.ApplicationService/Get": true, "application.ApplicationService/List": true, "application.ApplicationService/Sync": false, "cluster.ClusterService/RotateAuth": false,
		"application.ApplicationService/GetApplicationSyncWindows": true, "repository.RepositoryService/ValidateAccess": true, "application.ApplicationService/RunResourceActionV2": false,
	} {
		if isRead(method) != want {
			t.Errorf("%s: got %v", method, !want)
		}
	}
}
