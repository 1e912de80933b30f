package chartstest

import (
	"bytes"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"helm.sh/helm/v4/pkg/provenance"
)

// HelmProvenance is the type of a layer with a provenance file.
const HelmProvenance = "application/vnd.cncf.helm.chart.provenance.v1.prov"

// Signer is somebody with a key of OpenPGP, who signs charts with Helm's own code.
type Signer struct{ entity *openpgp.Entity }

// NewSigner makes a key, which is good from then on for as long as that; 0 is for ever.
func NewSigner(t testing.TB, name string, from time.Time, life time.Duration) *Signer {
	t.Helper()
	entity, err := openpgp.NewEntity(name, "", name+"@example.com", &packet.Config{
		Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return from }, KeyLifetimeSecs: uint32(life / time.Second),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &Signer{entity: entity}
}

// PublicKey is the armored public key.
func (s *Signer) PublicKey(t testing.TB) string {
	t.Helper()
	out := &bytes.Buffer{}
	w, err := armor.Encode(out, openpgp.PublicKeyType, nil)
	if err == nil {
		err = s.entity.Serialize(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Sign makes the provenance file of a packed chart, as helm package --sign does.
func (s *Signer) Sign(t testing.TB, name, version string, packed []byte) []byte {
	t.Helper()
	signatory := &provenance.Signatory{Entity: s.entity}
	text, err := signatory.ClearSign(packed, name+"-"+version+".tgz", []byte("apiVersion: v2\nname: "+name+"\nversion: "+version+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(text)
}

// Prove puts a provenance file beside an archive of the repository; nil takes it away.
func (r *Repository) Prove(name, version string, text []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	file := "/" + name + "-" + version + ".tgz.prov"
	if r.files[file] = text; text == nil {
		delete(r.files, file)
	}
}
