package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
)

type etcd struct {
	server *embed.Etcd
	url    string // where it listens
	keys   keyFiles
	caFile string
}

// startEtcd starts the database in DIR/etcd and returns when it serves.
func startEtcd(h *home, k *keys) (*etcd, error) {
	e := &etcd{keys: k.etcd, caFile: h.path("pki/etcd-ca.crt")}
	tls := transport.TLSInfo{CertFile: k.etcd.cert, KeyFile: k.etcd.key, TrustedCAFile: e.caFile, ClientCertAuth: true}
	// Port 0 leaves the choice to the kernel, which is the only way that cannot lose a race. The
	// advertised addresses must be constant, as etcd stores them; nobody dials them here, since
	// there are no peers and the API server uses the true address.
	anyPort := url.URL{Scheme: "https", Host: "127.0.0.1:0"}
	nobody := url.URL{Scheme: "https", Host: "127.0.0.1:2380"}

	c := embed.NewConfig()
	c.Dir = h.path("etcd")
	c.LogLevel = "error"
	c.ListenClientUrls, c.ListenPeerUrls = []url.URL{anyPort}, []url.URL{anyPort}
	c.AdvertiseClientUrls, c.AdvertisePeerUrls = []url.URL{nobody}, []url.URL{nobody}
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	c.ClientTLSInfo, c.PeerTLSInfo = tls, tls
	c.EnableGRPCGateway = false // it would dial the port 0 above
	// Without fsync a power cut may lose the last writes, a kill -9 cannot: the kernel has them.
	c.UnsafeNoFsync = true
	c.QuotaBackendBytes = 4 << 30
	server, err := embed.StartEtcd(c)
	if err != nil {
		return nil, fmt.Errorf("start etcd on the data in %s: %w; if they are broken, delete the directory %s to start afresh", c.Dir, err, h.dir)
	}
	e.server = server
	select {
	case <-server.Server.ReadyNotify():
	case err := <-server.Err():
		return nil, fmt.Errorf("start etcd on the data in %s: %w", c.Dir, err)
	case <-time.After(readyWithin):
		return nil, fmt.Errorf("etcd does not answer within %v", readyWithin)
	}
	e.url = "https://" + server.Clients[0].Addr().String()
	return e, nil
}

func (e *etcd) stop(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	go func() {
		defer cancel()
		e.server.Close()
	}()
	<-ctx.Done()
}
