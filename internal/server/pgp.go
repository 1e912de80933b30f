package server

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the fingerprint of a key is one by definition (RFC 4880 §12.2)
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// Public keys of OpenPGP as far as they are shown: whose they are and by what name. Nothing is verified here. RFC 4880
// (version 4) and RFC 9580 (version 6).

// publicKey is one primary key with all packets that belong to it.
type publicKey struct {
	fingerprint string // hexadecimal, upper case
	owner       string // the first user id
	algorithm   string // rsa4096, ed25519 …
	packets     []byte
	six         bool
}

// id is the 64 bits by which a key is called: the end of the fingerprint, or its beginning from version 6 on.
func (k publicKey) id() string {
	if k.six {
		return k.fingerprint[:16]
	}
	return k.fingerprint[len(k.fingerprint)-16:]
}

const (
	armorBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	armorEnd   = "-----END PGP PUBLIC KEY BLOCK-----"
	maxKeyText = 1 << 20
	maxKeys    = 256
)

// readPublicKeys reads the keys of an armored text, which may hold several blocks.
func readPublicKeys(text string) (keys []publicKey, err error) {
	switch {
	case len(text) > maxKeyText:
		return nil, problem.New(problem.Limit, "the key data is larger than %d bytes", maxKeyText)
	case strings.Contains(text, "PRIVATE KEY"):
		return nil, problem.New(problem.Invalid, "the key data holds a private key, which must not leave its owner")
	}
	rest := text
	for {
		_, after, found := strings.Cut(rest, armorBegin)
		if !found {
			break
		}
		body, tail, found := strings.Cut(after, armorEnd)
		if !found {
			return nil, notAKey("the armor has no end")
		}
		rest = tail
		raw, err := unarmor(body)
		if err != nil {
			return nil, err
		}
		more, err := parseKeys(raw)
		if err != nil {
			return nil, err
		}
		if keys = append(keys, more...); len(keys) > maxKeys {
			return nil, problem.New(problem.Limit, "more than %d keys", maxKeys)
		}
	}
	if len(keys) == 0 {
		return nil, notAKey("it has no block " + armorBegin)
	}
	return keys, nil
}

func notAKey(why string) error {
	return problem.New(problem.Invalid, "the key data is no armored public key: %s", why)
}

// unarmor decodes what stands between the lines of an armor: headers, which have a colon, base64, a checksum.
func unarmor(body string) ([]byte, error) {
	var b strings.Builder
	sum := ""
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		switch {
		case strings.Contains(line, ":"):
		case strings.HasPrefix(line, "=") && len(line) == 5:
			sum = line[1:]
		default:
			b.WriteString(line)
		}
	}
	raw, err := base64.StdEncoding.DecodeString(b.String())
	if err != nil {
		return nil, notAKey("it is no base64")
	}
	if sum != "" && sum != checksum(raw) {
		return nil, notAKey("its checksum is wrong")
	}
	return raw, nil
}

// checksum is the CRC-24 of RFC 4880 §6.1 in base64.
func checksum(data []byte) string {
	crc := uint32(0xb704ce)
	for _, b := range data {
		crc ^= uint32(b) << 16
		for range 8 {
			if crc <<= 1; crc&0x1000000 != 0 {
				crc ^= 0x1864cfb
			}
		}
	}
	return base64.StdEncoding.EncodeToString([]byte{byte(crc >> 16), byte(crc >> 8), byte(crc)})
}

// armored is the key as text.
func (k publicKey) armored() string {
	var b strings.Builder
	b.WriteString(armorBegin + "\n\n")
	for text := base64.StdEncoding.EncodeToString(k.packets); text != ""; {
		n := min(64, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	b.WriteString("=" + checksum(k.packets) + "\n" + armorEnd + "\n")
	return b.String()
}

// Tags of packets.
const (
	tagSecretKey = 5
	tagPublicKey = 6
	tagSecretSub = 7
	tagUserID    = 13
)

// parseKeys divides packets at primary keys.
func parseKeys(raw []byte) (keys []publicKey, err error) {
	for len(raw) > 0 {
		tag, body, whole, err := packet(raw)
		if err != nil {
			return nil, err
		}
		raw = raw[len(whole):]
		switch tag {
		case tagSecretKey, tagSecretSub:
			return nil, problem.New(problem.Invalid, "the key data holds a private key, which must not leave its owner")
		case tagPublicKey:
			k, err := primary(body)
			if err != nil {
				return nil, err
			}
			keys = append(keys, k)
		}
		if len(keys) == 0 {
			return nil, notAKey("it does not begin with a key")
		}
		k := &keys[len(keys)-1]
		k.packets = append(k.packets, whole...)
		if tag == tagUserID && k.owner == "" {
			k.owner = strings.ToValidUTF8(string(body[:min(len(body), 512)]), "\ufffd")
		}
	}
	return keys, nil
}

// packet reads one packet: RFC 4880 §4.2. Partial lengths are for data, not for keys.
func packet(raw []byte) (tag int, body, whole []byte, err error) {
	short := notAKey("a packet ends early")
	if raw[0]&0x80 == 0 {
		return 0, nil, nil, notAKey("a packet has no tag")
	}
	var n, at int
	if raw[0]&0x40 != 0 {
		tag = int(raw[0] & 0x3f)
		switch {
		case len(raw) < 2:
			return 0, nil, nil, short
		case raw[1] < 192:
			n, at = int(raw[1]), 2
		case raw[1] < 224 && len(raw) >= 3:
			n, at = (int(raw[1])-192)<<8+int(raw[2])+192, 3
		case raw[1] == 255 && len(raw) >= 6:
			n, at = int(binary.BigEndian.Uint32(raw[2:6])), 6
		default:
			return 0, nil, nil, short
		}
	} else {
		tag = int(raw[0]>>2) & 0xf
		size := 1 << (raw[0] & 3)
		if size == 8 || len(raw) < 1+size {
			return 0, nil, nil, short
		}
		for _, b := range raw[1 : 1+size] {
			n = n<<8 | int(b)
		}
		at = 1 + size
	}
	if n < 0 || n > len(raw)-at {
		return 0, nil, nil, short
	}
	return tag, raw[at : at+n], raw[:at+n], nil
}

// primary reads a public key packet.
func primary(body []byte) (publicKey, error) {
	if len(body) < 6 {
		return publicKey{}, notAKey("a key ends early")
	}
	material := body[6:]
	var k publicKey
	switch body[0] {
	case 4:
		h := sha1.New() //nolint:gosec // see the import
		h.Write([]byte{0x99, byte(len(body) >> 8), byte(len(body))})
		h.Write(body)
		k.fingerprint = strings.ToUpper(hex.EncodeToString(h.Sum(nil)))
	case 6:
		h := sha256.New()
		h.Write([]byte{0x9b})
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(body)))) //nolint:gosec // bounded by maxKeyText
		h.Write(body)
		k.fingerprint, k.six = strings.ToUpper(hex.EncodeToString(h.Sum(nil))), true
		if len(material) < 4 {
			return k, notAKey("a key ends early")
		}
		material = material[4:]
	default:
		return k, problem.New(problem.Invalid, "the key is of version %d; 4 and 6 can be used", body[0])
	}
	k.algorithm = algorithmOf(body[5], material)
	return k, nil
}

// curves are named by their object identifiers.
var curves = map[string]string{
	"2b06010401da470f01": "ed25519", "2a8648ce3d030107": "nistp256", "2b81040022": "nistp384", "2b81040023": "nistp521",
	"2b2403030208010107": "brainpoolP256r1", "2b240303020801010b": "brainpoolP384r1", "2b240303020801010d": "brainpoolP512r1", "2b8104000a": "secp256k1",
}

// algorithmOf names an algorithm as gpg does.
func algorithmOf(algorithm byte, material []byte) string {
	bits := 0
	if len(material) >= 2 {
		bits = int(binary.BigEndian.Uint16(material))
	}
	switch algorithm {
	case 1, 2, 3:
		return fmt.Sprintf("rsa%d", bits)
	case 17:
		return fmt.Sprintf("dsa%d", bits)
	case 19, 22:
		if len(material) > 0 && int(material[0]) < len(material) {
			for oid, name := range curves {
				if want, _ := hex.DecodeString(oid); bytes.Equal(want, material[1:1+int(material[0])]) {
					return name
				}
			}
		}
	case 27:
		return "ed25519"
	case 28:
		return "ed448"
	}
	return fmt.Sprintf("algorithm%d", algorithm)
}
