package signature

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// made is when the keys of tests were.
var made = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func person(t testing.TB, name string) (*openpgp.Entity, string) {
	t.Helper()
	e, err := openpgp.NewEntity(name, "", name+"@example.com", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return made }, KeyLifetimeSecs: 3600})
	if err != nil {
		t.Fatal(err)
	}
	return e, armored(t, openpgp.PublicKeyType, func(w *bytes.Buffer) error { return e.Serialize(w) })
}

func armored(t testing.TB, kind string, write func(*bytes.Buffer) error) string {
	t.Helper()
	var raw, out bytes.Buffer
	err := write(&raw)
	if err == nil {
		w, e := armor.Encode(&out, kind, nil)
		if err = e; err == nil {
			_, _ = w.Write(raw.Bytes())
			err = w.Close()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func signed(t testing.TB, by *openpgp.Entity, message string, config *packet.Config) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := openpgp.DetachSign(&out, by, strings.NewReader(message), config); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func at(d time.Duration) func() time.Time { return func() time.Time { return made.Add(d) } }

func TestDetached(t *testing.T) {
	ada, adas := person(t, "ada")
	bob, bobs := person(t, "bob")
	keys := Read(map[string]string{"A": adas, "X": "garbage"})
	sign := func(by *openpgp.Entity, more ...byte) string {
		return armored(t, openpgp.SignatureType, func(w *bytes.Buffer) error {
			_, err := w.Write(append(signed(t, by, "commit", &packet.Config{Time: at(time.Minute), SigLifetimeSecs: 600}), more...))
			return err
		})
	}
	for _, c := range []struct {
		name, message, signature string
		when                     time.Duration
		want                     Verdict
	}{
		{"good", "commit", sign(ada), 2 * time.Minute, Good},
		{"not signed", "commit", "", 2 * time.Minute, Unsigned},
		{"by a stranger", "commit", sign(bob), 2 * time.Minute, Missing},
		{"another message", "commit!", sign(ada), 2 * time.Minute, Bad},
		{"of another kind", "commit", strings.ReplaceAll(sign(ada), "PGP SIGNATURE", "SSH SIGNATURE"), 2 * time.Minute, Bad},
		{"no armor", "commit", "signed, Ada", 2 * time.Minute, Bad},
		{"huge", "commit", strings.Repeat("x", MaxSigned+1), 2 * time.Minute, Bad},
		{"expired", "commit", sign(ada), 20 * time.Minute, Expired},
		{"by an expired key", "commit", sign(ada), 2 * time.Hour, OldKey},
	} {
		got, by := keys.Detached([]byte(c.message), c.signature, at(c.when))
		if got != c.want {
			t.Errorf("%s: %q by %v, want %q", c.name, got, by, c.want)
		}
	}

	// a signature of somebody who is not known beside one that is good must not lend it its name
	beside := armored(t, openpgp.SignatureType, func(w *bytes.Buffer) error {
		w.Write(signed(t, bob, "something", &packet.Config{Time: at(time.Minute)}))
		_, err := w.Write(signed(t, ada, "commit", &packet.Config{Time: at(time.Minute)}))
		return err
	})
	got, by := keys.Detached([]byte("commit"), beside, at(2*time.Minute))
	if got == Good && slices.Contains(by, keyID(bob.PrimaryKey.KeyId)) {
		t.Errorf("%q by %v", got, by)
	}
	if both := Read(map[string]string{"A": adas, "B": bobs}); both.Print() == keys.Print() || Read(map[string]string{"X": "garbage", "A": adas}).Print() != keys.Print() {
		t.Error("the print is not the keys'")
	}
}

// Whatever a server sends in place of a provenance file is refused, and does no harm.
func FuzzProvenance(f *testing.F) {
	ada, adas := person(f, "ada")
	keys := Read(map[string]string{"A": adas})
	var good bytes.Buffer
	w, err := clearsign.Encode(&good, ada.PrivateKey, &packet.Config{Time: at(time.Minute)})
	if err == nil {
		_, _ = w.Write([]byte("name: shop\nversion: 1.0.0\n\n...\nfiles:\n  shop-1.0.0.tgz: sha256:aa\n"))
		err = w.Close()
	}
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add(bytes.Replace(good.Bytes(), []byte("shop"), []byte("shoq"), 1))
	f.Add([]byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n- x\n-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----"))
	f.Add([]byte("name: shop\n...\nfiles: {a: [b]}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if message, by, err := keys.Clearsigned(text, at(2*time.Minute)); err == nil {
			if by != keyID(ada.PrimaryKey.KeyId) || !bytes.Contains(message, []byte("name: shop\nversion: 1.0.0")) {
				t.Fatalf("%s has signed %q", by, message)
			}
		}
		if p, err := ReadProvenance(text); err == nil && (p.Name == "" || len(p.Files) == 0) {
			t.Fatalf("%+v", p)
		}
	})
}

// Whatever a commit holds in place of a signature is no good one, and does no harm.
func FuzzDetached(f *testing.F) {
	ada, adas := person(f, "ada")
	keys := Read(map[string]string{"A": adas})
	f.Add("commit", armored(f, openpgp.SignatureType, func(w *bytes.Buffer) error {
		_, err := w.Write(signed(f, ada, "commit", &packet.Config{Time: at(time.Minute)}))
		return err
	}))
	f.Add("commit", "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----")
	f.Fuzz(func(t *testing.T, message, signature string) {
		if v, by := keys.Detached([]byte(message), signature, at(2*time.Minute)); v == Good && (message != "commit" || !slices.Contains(by, keyID(ada.PrimaryKey.KeyId))) {
			t.Fatalf("%v have signed %q", by, message)
		}
	})
}

// And whatever somebody keeps in place of a key is none.
func FuzzRead(f *testing.F) {
	_, adas := person(f, "ada")
	f.Add(adas)
	f.Add("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDM=\n-----END PGP PUBLIC KEY BLOCK-----")
	f.Fuzz(func(t *testing.T, text string) {
		if v, _ := Read(map[string]string{"A": text}).Detached([]byte("commit"), "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----", at(0)); v == Good {
			t.Fatal("it vouches for anything")
		}
	})
}
