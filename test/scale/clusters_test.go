package scale_test

import (
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/hawser-cd/hawser/internal/clustertest"
)

var clusters = flag.Int("clusters", 20, "clusters that BenchmarkClusters registers")

// BenchmarkClusters tells what one more cluster costs that holds nothing of ours: memory, processor time to connect and
// per minute at rest. The clusters are one API server behind as many addresses: to hawser they are as many clusters.
func BenchmarkClusters(b *testing.B) {
	for b.Loop() {
		s := raise(b, oneObject)
		s.rest()
		n := float64(*clusters)
		memory, from := s.memory(b), s.usage(b)
		for i := range *clusters {
			s.Apply(b, s.control, clusterSecret(s.Cluster, fmt.Sprintf("edge-%d", i), behind(b, s.Config.Host)))
		}
		connected := 0.0
		for began := time.Now(); connected < n+1; time.Sleep(20 * time.Millisecond) {
			if connected = s.metric(b, "argocd_cluster_connection_status{"); time.Since(began) > patience() {
				b.Fatalf("%v of %v clusters are connected", connected, n+1)
			}
		}
		s.rest()
		used := s.usage(b).since(from)
		b.ReportMetric((s.memory(b)-memory)/n, "MiB/cluster")
		b.ReportMetric(used.cpu.Seconds()/n, "connect-cpu-s/cluster")
		b.ReportMetric(float64(used.total())/n, "connect-requests/cluster")
		from = s.usage(b)
		time.Sleep(*idleFor)
		used = s.usage(b).since(from)
		minutes := idleFor.Minutes()
		b.ReportMetric(used.cpu.Seconds()/n/minutes, "idle-cpu-s/cluster-minute")
		b.ReportMetric(float64(used.total())/n/minutes, "idle-requests/cluster-minute")
		s.kill()
	}
	b.ReportMetric(0, "ns/op")
}

// clusterSecret registers a cluster in the way of Argo CD.
func clusterSecret(c *clustertest.Cluster, name, server string) string {
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf(`apiVersion: v1
kind: Secret
metadata: {name: %[1]s, labels: {argocd.argoproj.io/secret-type: cluster}}
stringData:
  name: %[1]s
  server: %[2]s
  config: '{"tlsClientConfig":{"caData":%[3]q,"certData":%[4]q,"keyData":%[5]q}}'
`, name, server, encode(c.Config.CAData), encode(c.Config.CertData), encode(c.Config.KeyData))
}

// behind returns another address of the server: every connection to it is passed on.
func behind(b *testing.B, server string) string {
	b.Helper()
	to, err := url.Parse(server)
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = in.Close() }()
				out, err := net.Dial("tcp", to.Host)
				if err != nil {
					return
				}
				defer func() { _ = out.Close() }()
				go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	return "https://" + l.Addr().String()
}
