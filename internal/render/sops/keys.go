package sops

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"filippo.io/age"
	agearmor "filippo.io/age/armor"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Keys are private keys. No formatter shows them; the nil value has none. They are safe for concurrent use.
type Keys struct {
	identities []age.Identity
	mu         sync.Mutex // of ring: nobody says that reading a message leaves a key alone
	ring       openpgp.EntityList
	names      []string // public: recipients and fingerprints
	problems   []string
}

// maxKeys bounds the keys of one project: each is tried on each file.
const maxKeys = 100

// ParseKeys reads files as Flux names them: *.agekey holds identities of age, a line each, and *.asc a private key of PGP
// in ASCII armour. Other names are left alone. What cannot be read is kept in mind, for the message when no key fits, and
// does not keep others from being used. Names are for messages.
func ParseKeys(files map[string]string) *Keys {
	k := &Keys{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch path.Ext(name) {
		case ".agekey":
			k.age(name, files[name])
		case ".asc":
			k.pgp(name, files[name])
		}
	}
	if len(k.names) > maxKeys {
		return &Keys{problems: []string{fmt.Sprintf("there are more than %d keys", maxKeys)}}
	}
	return k
}

func (k *Keys) age(name, text string) {
	list, err := age.ParseIdentities(strings.NewReader(text))
	if err != nil { // its message can quote the line
		k.problems = append(k.problems, name+" holds no age identity")
		return
	}
	for _, id := range list {
		k.identities = append(k.identities, id)
		switch id := id.(type) {
		case *age.X25519Identity:
			k.names = append(k.names, "age "+id.Recipient().String())
		case *age.HybridIdentity:
			k.names = append(k.names, "age "+id.Recipient().String())
		}
	}
}

func (k *Keys) pgp(name, text string) {
	ring, err := openpgp.ReadArmoredKeyRing(strings.NewReader(text))
	if err != nil {
		k.problems = append(k.problems, name+" holds no PGP key in ASCII armour")
		return
	}
	for _, e := range ring {
		fingerprint := strings.ToUpper(hex.EncodeToString(e.PrimaryKey.Fingerprint))
		switch {
		case e.PrivateKey == nil:
			k.problems = append(k.problems, fmt.Sprintf("%s holds only the public half of PGP %s", name, fingerprint))
			continue
		case e.PrivateKey.Encrypted:
			k.problems = append(k.problems, fmt.Sprintf("%s: PGP %s is protected by a passphrase, which is not supported", name, fingerprint))
			continue
		}
		k.ring = append(k.ring, e)
		k.names = append(k.names, "PGP "+fingerprint)
	}
}

// Digest names the keys by their public halves: equal digests, equal keys.
func (k *Keys) Digest() string {
	if k == nil {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.Join(k.names, "\n") + "\n\n" + strings.Join(k.problems, "\n")))
	return hex.EncodeToString(sum[:])
}

// Names are the public halves of the keys, as sops names recipients.
func (k *Keys) Names() []string {
	if k == nil {
		return nil
	}
	return slices.Clone(k.names)
}

// Problems are what of the keys cannot be used, a sentence each.
func (k *Keys) Problems() []string {
	if k == nil {
		return nil
	}
	return slices.Clone(k.problems)
}

// describe says which keys there are.
func (k *Keys) describe() string {
	if k == nil || len(k.names) == 0 && len(k.problems) == 0 {
		return "no key is configured for the project"
	}
	text := "the project has no key"
	if len(k.names) > 0 {
		text = "the project has " + strings.Join(k.names, ", ")
	}
	if len(k.problems) > 0 {
		text += " (" + strings.Join(k.problems, "; ") + ")"
	}
	return text
}

// Format shows how many keys there are, whatever the verb.
func (k *Keys) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%d keys", len(k.Names())) }

// MarshalJSON shows what Format does.
func (k *Keys) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, `"%d keys"`, len(k.Names())), nil
}

// dataKeySize is that of AES-256. What recipients decrypt is read to one byte more.
const dataKeySize = 32

// find returns the data key of a group, or nil when none of the keys is among its recipients.
func (k *Keys) find(g group) []byte {
	if k == nil {
		return nil
	}
	if len(k.identities) > 0 {
		for _, r := range g.Age {
			plain, err := age.Decrypt(agearmor.NewReader(strings.NewReader(r.Enc)), k.identities...)
			if key := whole(plain, err); key != nil {
				return key
			}
		}
	}
	if len(k.ring) > 0 {
		for _, r := range g.PGP {
			if key := k.openPGP(r.Enc); key != nil {
				return key
			}
		}
	}
	return nil
}

func (k *Keys) openPGP(text string) []byte {
	block, err := armor.Decode(strings.NewReader(text))
	if err != nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	message, err := openpgp.ReadMessage(block.Body, k.ring, nil, nil)
	if err != nil {
		return nil
	}
	return whole(message.UnverifiedBody, nil)
}

// whole reads a data key; nil when it is none.
func whole(r io.Reader, err error) []byte {
	if err != nil {
		return nil
	}
	key, err := io.ReadAll(io.LimitReader(r, dataKeySize+1))
	if err != nil || len(key) != dataKeySize {
		return nil
	}
	return key
}

// Check says what is wrong with a set of keys as a whole; nil when all of them can be used.
func (k *Keys) Check() error {
	switch {
	case len(k.Problems()) > 0:
		return problem.New(problem.Invalid, "%s", strings.Join(k.problems, "; "))
	case len(k.Names()) == 0:
		return problem.New(problem.Invalid, "there is no *.agekey and no *.asc among its keys")
	}
	return nil
}
