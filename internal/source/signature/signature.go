// Package signature tells who signed something, with OpenPGP keys that people trust.
//
// The idea: keys are one immutable value, made of what argocd-gpg-keys-cm holds; what they do not vouch for is nothing.
// Read Keys.Clearsigned first, then ReadProvenance, which understands Helm's provenance files. The package refuses to fetch
// keys, to believe a key that is expired or revoked, and to know the time: it is told.
package signature

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"sigs.k8s.io/yaml"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Keys are public keys that vouch for what they signed. The zero value vouches for nothing.
type Keys struct {
	list       openpgp.EntityList
	unreadable []string
	print      string
}

// Read reads armored public keys, by their IDs. One that cannot be read vouches for nothing, and is named where a
// signature is refused.
func Read(armored map[string]string) *Keys {
	k := &Keys{}
	h := sha256.New()
	for _, id := range slices.Sorted(maps.Keys(armored)) {
		fmt.Fprintf(h, "%d:%s%d:%s", len(id), id, len(armored[id]), armored[id])
		var list openpgp.EntityList
		var err error
		if contained(func() { list, err = openpgp.ReadArmoredKeyRing(strings.NewReader(armored[id])) }) {
			list = nil
		}
		if err != nil || len(list) == 0 {
			k.unreadable = append(k.unreadable, id)
			continue
		}
		k.list = append(k.list, list...)
	}
	k.print = hex.EncodeToString(h.Sum(nil))
	return k
}

// Print differs for different keys: what some have vouched for, others have not.
func (k *Keys) Print() string { return k.print }

// MaxSigned bounds a signed text, in bytes.
const MaxSigned = 256 << 10

// Clearsigned returns what a clear-signed text says, and the ID of the key that vouches for it: sixteen hexadecimal digits
// in upper case. now is asked whether the key was good.
func (k *Keys) Clearsigned(text []byte, now func() time.Time) (message []byte, by string, err error) {
	if len(text) > MaxSigned {
		return nil, "", problem.New(problem.Limit, "the signed text has over %d bytes", MaxSigned)
	}
	var block *clearsign.Block
	var rest []byte
	broken := contained(func() { block, rest = clearsign.Decode(text) })
	switch {
	case broken, block == nil:
		return nil, "", problem.New(problem.Invalid, "it is no clear-signed text")
	case len(bytes.TrimSpace(rest)) > 0: // who reads the file as a whole would believe it, too
		return nil, "", problem.New(problem.Invalid, "something stands behind the signature")
	}
	var signer *openpgp.Entity
	if contained(func() {
		signer, err = openpgp.CheckDetachedSignature(k.list, bytes.NewReader(block.Bytes), block.ArmoredSignature.Body, &packet.Config{Time: now})
	}) {
		return nil, "", problem.New(problem.Forbidden, "the signature is not good: it is malformed")
	}
	switch {
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		p := problem.New(problem.Forbidden, "none of the %d keys that are trusted has signed it", len(k.list))
		if len(k.unreadable) > 0 {
			return nil, "", p.WithHint("of those in argocd-gpg-keys-cm, %s cannot be read", strings.Join(k.unreadable, ", "))
		}
		return nil, "", p.WithHint("argocd-gpg-keys-cm holds them; `gpg add --from FILE` adds one")
	case err != nil:
		return nil, "", problem.New(problem.Forbidden, "the signature is not good: %v", err)
	}
	return block.Plaintext, keyID(signer.PrimaryKey.KeyId), nil
}

// Verdict is what can be said of a signature, in Argo CD's words; Good when it is.
type Verdict string

// The verdicts.
const (
	Good     Verdict = "signed"
	Bad      Verdict = "bad signature"
	Expired  Verdict = "expired signature"
	OldKey   Verdict = "signed with expired key"
	Revoked  Verdict = "signed with revoked key"
	Missing  Verdict = "signed with key not in keyring"
	Unsigned Verdict = "unsigned"
)

// contained runs f and reports whether it panicked: the library does on some malformed texts (FuzzProvenance has one).
func contained(f func()) (broken bool) {
	defer func() { broken = recover() != nil }()
	f()
	return false
}

// Detached judges an armored signature of a message. by are the IDs under which the key that made it is known: its own, and
// that of the primary key that it belongs to; of a signature that is not Good, what it says of itself.
func (k *Keys) Detached(message []byte, armored string, now func() time.Time) (v Verdict, by []string) {
	if contained(func() { v, by = k.detached(message, armored, now) }) {
		return Bad, nil
	}
	return v, by
}

func (k *Keys) detached(message []byte, armored string, now func() time.Time) (v Verdict, by []string) {
	if armored == "" {
		return Unsigned, nil
	}
	if len(armored) > MaxSigned {
		return Bad, nil
	}
	block, err := armor.Decode(strings.NewReader(armored))
	if err != nil || block.Type != openpgp.SignatureType {
		return Bad, nil
	}
	raw, err := io.ReadAll(io.LimitReader(block.Body, MaxSigned))
	if err != nil {
		return Bad, nil
	}
	made, signer, err := openpgp.VerifyDetachedSignature(k.list, bytes.NewReader(message), bytes.NewReader(raw), &packet.Config{Time: now})
	if signer != nil { // of the signature that was verified: there may be others beside it, which say what they like
		by = []string{keyID(*made.IssuerKeyId), keyID(signer.PrimaryKey.KeyId)}
	} else if p, err := packet.Read(bytes.NewReader(raw)); err == nil {
		if s, ok := p.(*packet.Signature); ok && s.IssuerKeyId != nil {
			by = []string{keyID(*s.IssuerKeyId)}
		}
	}
	switch {
	case err == nil:
		return Good, by
	case errors.Is(err, pgperrors.ErrUnknownIssuer):
		return Missing, by
	case errors.Is(err, pgperrors.ErrSignatureExpired):
		return Expired, by
	case errors.Is(err, pgperrors.ErrKeyExpired):
		return OldKey, by
	case errors.Is(err, pgperrors.ErrKeyRevoked):
		return Revoked, by
	}
	return Bad, by
}

func keyID(id uint64) string { return fmt.Sprintf("%016X", id) }

// Provenance is what a provenance file of Helm's says: of which chart it is, and the digests of its archive.
type Provenance struct {
	Name, Version string
	Files         map[string]string // sha256:…, by the names of files
}

// ReadProvenance reads the message of a provenance file: the chart's Chart.yaml, a line of three dots, and digests.
func ReadProvenance(message []byte) (p Provenance, err error) {
	about, sums, found := bytes.Cut(bytes.ReplaceAll(message, []byte("\r\n"), []byte("\n")), []byte("\n...\n"))
	if !found {
		return p, problem.New(problem.Invalid, "it is no provenance of a chart: it has not two parts")
	}
	var chart struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	var digests struct {
		Files map[string]string `json:"files"`
	}
	if yaml.Unmarshal(about, &chart) != nil || yaml.Unmarshal(sums, &digests) != nil || chart.Name == "" || len(digests.Files) == 0 {
		return p, problem.New(problem.Invalid, "it is no provenance of a chart: its parts are not a Chart.yaml and digests")
	}
	return Provenance{chart.Name, chart.Version, digests.Files}, nil
}

// Covers reports whether one of the digests is that one.
func (p Provenance) Covers(digest string) bool {
	for _, d := range p.Files {
		if d == digest {
			return true
		}
	}
	return false
}
