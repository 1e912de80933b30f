package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// keys are everything secret in a cluster. The authority and the service account key are made once
// and kept in DIR/pki, so that kubeconfigs and tokens from before a restart stay good. The leaf
// certificates are made anew at every start: nobody remembers those.
type keys struct {
	authority authority
	caFile    string
	saKeyFile string
	apiServer keyFiles // server certificate of the API server
	etcd      keyFiles // server and client certificate: only the API server may talk to etcd
	// kubeletClient is the API server's towards the kubelet, kubeletServer the kubelet's towards it.
	kubeletClient keyFiles
	kubeletServer keyPair

	admin, controllerManager, scheduler, kubelet keyPair
}

type keyPair struct{ cert, key []byte } // PEM

type keyFiles struct{ cert, key string } // paths

const decade = 10 * 365 * 24 * time.Hour

// loadKeys reads the keys of the cluster in h, or makes them.
func loadKeys(h *home) (_ *keys, err error) {
	k := &keys{caFile: h.path("pki/ca.crt"), saKeyFile: h.path("pki/sa.key")}
	if k.authority, err = loadAuthority(h, "pki/ca", "devcluster"); err != nil {
		return nil, err
	}
	// A second authority, because everyone with a client certificate of the first is a user of the
	// API server, and none of them may reach the database behind its back.
	database, err := loadAuthority(h, "pki/etcd-ca", "devcluster etcd")
	if err != nil {
		return nil, err
	}
	if err := ensureServiceAccountKey(h); err != nil {
		return nil, err
	}
	if k.etcd, err = database.issueFiles(h, "pki/etcd", leaf{name: "etcd", hosts: []string{"127.0.0.1", "localhost"}}); err != nil {
		return nil, err
	}
	k.apiServer, err = k.authority.issueFiles(h, "pki/apiserver", leaf{name: "kube-apiserver", hosts: []string{
		"127.0.0.1", "localhost", firstServiceIP,
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}})
	if err != nil {
		return nil, err
	}
	if k.kubeletServer, err = k.authority.issue(leaf{name: "system:node", hosts: []string{"127.0.0.1"}}); err != nil {
		return nil, err
	}
	// it is in no group: towards the API server itself it may do nothing
	if k.kubeletClient, err = k.authority.issueFiles(h, "pki/kubelet-client", leaf{name: apiServerAsClient}); err != nil {
		return nil, err
	}
	// All four are masters. The names are the ones that Kubernetes gives these components, for
	// whoever looks at the user in an admission webhook.
	for name, pair := range map[string]*keyPair{
		"devcluster-admin":               &k.admin,
		"system:kube-controller-manager": &k.controllerManager,
		"system:kube-scheduler":          &k.scheduler,
		"system:node:devcluster":         &k.kubelet,
	} {
		if *pair, err = k.authority.issue(leaf{name: name, groups: []string{"system:masters"}}); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// kubeconfig is a kubeconfig file, complete in itself, for the holder of pair.
func (k *keys) kubeconfig(server string, pair keyPair) []byte {
	const name = "devcluster"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: k.authority.pem.cert}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: pair.cert, ClientKeyData: pair.key}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	data, err := clientcmd.Write(*config)
	if err != nil {
		panic(err) // a kubeconfig of our own making always encodes
	}
	return data
}

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  keyPair
}

func loadAuthority(h *home, name, commonName string) (authority, error) {
	cert, err := os.ReadFile(h.path(name + ".crt"))
	if errors.Is(err, fs.ErrNotExist) {
		return newAuthority(h, name, commonName)
	}
	if err != nil {
		return authority{}, err
	}
	key, err := os.ReadFile(h.path(name + ".key"))
	if err != nil {
		return authority{}, err
	}
	a := authority{pem: keyPair{cert, key}}
	if a.cert, err = parseOne(cert, x509.ParseCertificate); err == nil {
		a.key, err = parseOne(key, x509.ParseECPrivateKey)
	}
	if err != nil {
		return authority{}, fmt.Errorf("read the certificate authority %s.crt and .key: %w; delete the whole directory %s to start afresh",
			h.path(name), err, h.dir)
	}
	return a, nil
}

func newAuthority(h *home, name, commonName string) (authority, error) {
	template, err := blank(commonName)
	if err != nil {
		return authority{}, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	a := authority{}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return a, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		return a, err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return a, err
	}
	if a.pem, err = encodePair(der, a.key); err != nil {
		return a, err
	}
	// The key goes first: loadAuthority takes the certificate as the sign that both are there.
	if err := h.write(name+".key", a.pem.key); err != nil {
		return a, err
	}
	return a, h.write(name+".crt", a.pem.cert)
}

type leaf struct {
	name   string
	groups []string
	hosts  []string // none: a client certificate only
}

func (a authority) issue(l leaf) (keyPair, error) {
	template, err := blank(l.name)
	if err != nil {
		return keyPair{}, err
	}
	template.Subject.Organization = l.groups
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	for _, host := range l.hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	if len(l.hosts) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if template.NotAfter.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return keyPair{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return keyPair{}, err
	}
	return encodePair(der, key)
}

// issueFiles issues a certificate into name.crt and name.key.
func (a authority) issueFiles(h *home, name string, l leaf) (keyFiles, error) {
	pair, err := a.issue(l)
	if err != nil {
		return keyFiles{}, err
	}
	if err := h.write(name+".crt", pair.cert); err != nil {
		return keyFiles{}, err
	}
	return keyFiles{h.path(name + ".crt"), h.path(name + ".key")}, h.write(name+".key", pair.key)
}

func ensureServiceAccountKey(h *home) error {
	if _, err := os.Stat(h.path("pki/sa.key")); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	pair, err := encodePair(nil, key)
	if err != nil {
		return err
	}
	return h.write("pki/sa.key", pair.key)
}

// blank is a certificate for a decade. It begins an hour ago, for clocks that step back.
func blank(commonName string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: commonName},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(decade),
	}, nil
}

func encodePair(der []byte, key *ecdsa.PrivateKey) (keyPair, error) {
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return keyPair{}, err
	}
	return keyPair{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw}),
	}, nil
}

func parseOne[T any](data []byte, parse func([]byte) (T, error)) (T, error) {
	block, _ := pem.Decode(data)
	if block == nil {
		var none T
		return none, errors.New("no PEM block in it")
	}
	return parse(block.Bytes)
}
