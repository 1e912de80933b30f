package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"

	"github.com/hawser-cd/hawser/devcluster/podlife"
)

// apiServerAsClient is the name by which the API server calls the kubelet; nobody else is let in.
const apiServerAsClient = "kube-apiserver-kubelet-client"

const (
	logPoll    = 50 * time.Millisecond // how late a followed line may come
	streamIdle = 4 * time.Hour         // as the kubelet has it
	streamMade = 30 * time.Second
)

// streams is the port on which a kubelet answers for what the API server passes on: logs and exec. One port serves all
// nodes, because one kubelet does.
type streams struct {
	kubelet  *kubelet
	listener net.Listener
	keys     *keys
}

// run answers until ctx ends.
func (s streams) run(ctx context.Context) error {
	pair, err := tls.X509KeyPair(s.keys.kubeletServer.cert, s.keys.kubeletServer.key)
	if err != nil {
		return err
	}
	clients := x509.NewCertPool()
	clients.AddCert(s.keys.authority.cert)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", s.logs)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", s.exec)
	server := &http.Server{
		Handler: onlyAPIServer(mux), ErrorLog: log.Default(), ReadHeaderTimeout: 10 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
		TLSConfig:   &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients, MinVersion: tls.VersionTLS12},
		// exec takes the connection over, which HTTP/2 cannot give away
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ServeTLS(s.listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func onlyAPIServer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 || r.TLS.PeerCertificates[0].Subject.CommonName != apiServerAsClient {
			http.Error(w, "only the API server may ask", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// observe is the pod that a request is about, as it is now.
func (k *kubelet) observe(r *http.Request) (podlife.Observation, error) {
	pod, err := k.pods.Pods(r.PathValue("namespace")).Get(r.PathValue("pod"))
	if err != nil {
		return podlife.Observation{}, err
	}
	return k.look(pod)
}

// logs prints a container's log.
func (s streams) logs(w http.ResponseWriter, r *http.Request) {
	options, err := readLogOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	seen, err := s.kubelet.observe(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	container := r.PathValue("container")
	run, err := podlife.LogOf(seen, container, options.previous)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	out := bufio.NewWriter(&bounded{w, options.limit})
	told := run.Len(seen.Now) - options.tail
	if options.tail < 0 {
		told = 0
	}
	for uid := seen.Pod.UID; ; {
		n, over := run.Len(seen.Now), run.Over(seen.Now)
		for told = max(0, told); told < n; told++ {
			at, text := run.Line(told, over, n)
			if at.Before(options.since) {
				continue
			}
			if options.timestamps {
				text = at.UTC().Format(time.RFC3339Nano) + " " + text
			}
			if _, err := out.WriteString(text + "\n"); err != nil {
				return
			}
		}
		if out.Flush() != nil || http.NewResponseController(w).Flush() != nil || !options.follow || over {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(logPoll):
		}
		if seen, err = s.kubelet.observe(r); err != nil || seen.Pod.UID != uid {
			return // gone: whatever it printed has been told
		}
		now, err := podlife.LogOf(seen, container, false)
		if err == nil && now.Run != run.Run { // it ended and was started again since: the end of its run is what is missing
			now, err = podlife.LogOf(seen, container, true)
		}
		if err != nil || now.Run != run.Run {
			return
		}
		run = now
	}
}

type logOptions struct {
	follow, timestamps, previous bool
	tail, limit                  int // -1: all
	since                        time.Time
}

func readLogOptions(r *http.Request) (o logOptions, err error) {
	q := r.URL.Query()
	o = logOptions{follow: q.Get("follow") == "true", timestamps: q.Get("timestamps") == "true", previous: q.Get("previous") == "true", tail: -1, limit: -1}
	number := func(name string, into *int) {
		if text := q.Get(name); text != "" && err == nil {
			*into, err = strconv.Atoi(text)
		}
	}
	number("tailLines", &o.tail)
	number("limitBytes", &o.limit)
	seconds := 0
	if number("sinceSeconds", &seconds); seconds > 0 {
		o.since = time.Now().Add(-time.Duration(seconds) * time.Second)
	}
	if text := q.Get("sinceTime"); text != "" && err == nil {
		o.since, err = time.Parse(time.RFC3339, text)
	}
	return o, err
}

// bounded passes so many bytes on, and no more; a negative number is no bound.
type bounded struct {
	to   io.Writer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left < 0 {
		return b.to.Write(p)
	}
	n, err := b.to.Write(p[:min(len(p), b.left)])
	if b.left -= n; err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

// exec runs a command in a container, as far as shell.go knows it.
func (s streams) exec(w http.ResponseWriter, r *http.Request) {
	seen, err := s.kubelet.observe(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	status, _ := podlife.Observe(seen)
	if !runs(status, r.PathValue("container")) {
		http.Error(w, fmt.Sprintf("container not found (%q)", r.PathValue("container")), http.StatusNotFound)
		return
	}
	wanted, err := remotecommand.NewOptions(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(w, r, executor{}, seen.Pod.Name, string(seen.Pod.UID), r.PathValue("container"), r.URL.Query()["command"], wanted, streamIdle, streamMade, remotecommand.SupportedStreamingProtocols)
}

func runs(status corev1.PodStatus, container string) bool {
	for _, c := range append(status.InitContainerStatuses, status.ContainerStatuses...) {
		if c.Name == container {
			return c.State.Running != nil
		}
	}
	return false
}
