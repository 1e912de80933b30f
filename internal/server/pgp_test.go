package server

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/hawser-cd/hawser/internal/problem"
)

// aKey is the packets of a key: an ed25519 one of version 4, made up, with an owner.
func aKey() []byte {
	body := []byte{4, 0x5f, 0, 0, 0, 22, 9, 0x2b, 6, 1, 4, 1, 0xda, 0x47, 0x0f, 1, 1, 7, 0x40}
	body = append(body, []byte(strings.Repeat("k", 32))...)
	owner := "Ann <ann@example.org>"
	raw := append([]byte{0xc0 | tagPublicKey, byte(len(body))}, body...)
	return append(append(raw, 0xc0|tagUserID, byte(len(owner))), owner...)
}

func TestReadPublicKeys(t *testing.T) {
	good := publicKey{packets: aKey()}.armored()
	keys, err := readPublicKeys("some words before\n" + strings.ReplaceAll(strings.Replace(good, "\n\n", "\nVersion: 1\nComment: a\n\n", 1), "\n", "\r\n") + good)
	if err != nil || len(keys) != 2 {
		t.Fatalf("%v %v", keys, err)
	}
	k := keys[0]
	if k.owner != "Ann <ann@example.org>" || k.algorithm != "ed25519" || len(k.fingerprint) != 40 || k.id() != k.fingerprint[24:] || k.armored() != good {
		t.Errorf("read %+v", k)
	}
	secret := aKey()
	secret[0] = 0xc0 | tagSecretKey
	armor := func(raw []byte) string { return publicKey{packets: raw}.armored() }
	for name, text := range map[string]string{
		"nothing":             "",
		"no block":            "hello",
		"no end":              strings.Split(good, armorEnd)[0],
		"no base64":           armorBegin + "\n\n!!!!\n" + armorEnd,
		"a wrong sum":         strings.Replace(good, "\n="+checksum(aKey()), "\n=AAAA", 1),
		"a changed letter":    strings.Replace(good, "tra2", "trb2", 1),
		"a secret key":        armor(secret),
		"an owner first":      armor(aKey()[len(aKey())-23:]),
		"a cut packet":        armor(aKey()[:20]),
		"a short key":         armor([]byte{0xc0 | tagPublicKey, 2, 4, 0}),
		"an old version":      armor(append([]byte{0xc0 | tagPublicKey, 8, 3}, make([]byte, 7)...)),
		"no tag":              armor([]byte{1, 2, 3}),
		"a huge length":       armor([]byte{0xc0 | tagPublicKey, 255, 0xff, 0xff, 0xff, 0xff, 4}),
		"indefinite length":   armor([]byte{0x80 | tagPublicKey<<2 | 3, 4}),
		"more than we read":   armorBegin + strings.Repeat("A", maxKeyText) + armorEnd,
		"a private key block": strings.ReplaceAll(good, "PUBLIC", "PRIVATE"),
	} {
		if keys, err := readPublicKeys(text); err == nil || problem.KindOf(err) != problem.Invalid && problem.KindOf(err) != problem.Limit {
			t.Errorf("%s: %v %v", name, keys, err)
		}
	}
}

func FuzzReadPublicKeys(f *testing.F) {
	f.Add(aKey())
	f.Add([]byte{0x99, 0, 3, 4, 0, 0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		keys, err := readPublicKeys(armorBegin + "\n\n" + base64.StdEncoding.EncodeToString(raw) + "\n" + armorEnd)
		if err != nil {
			return
		}
		size := 0
		for _, k := range keys {
			size += len(k.packets)
			if len(k.id()) != 16 {
				t.Errorf("id %q", k.id())
			}
		}
		if size != len(raw) {
			t.Errorf("%d bytes of %d belong to a key", size, len(raw))
		}
	})
}

func TestShownUserIsNoToken(t *testing.T) {
	for address, want := range map[string][3]string{
		"https://u:p@git.example/a":   {"https://git.example/a", "u", "p"},
		" https://token@git.example ": {"https://git.example", "token", ""},
		"git@git.example:a":           {"git@git.example:a", "", ""},
		"ssh://git@git.example/a":     {"ssh://git@git.example/a", "", ""},
		"https://git.example/a@b":     {"https://git.example/a@b", "", ""},
	} {
		clean, user, password := splitUser(address)
		if got := [3]string{clean, user, password}; got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}
