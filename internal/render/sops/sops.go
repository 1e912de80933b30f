// Package sops reads files that the sops tool has encrypted: YAML, JSON, dotenv and binary ones, for age and PGP keys.
//
// The idea: a file of sops is the plain file with its values replaced by ENC[AES256_GCM,…] and with a block that holds the
// key of those values, encrypted for each recipient, and a digest over all values. Decrypt finds the key, puts the values
// back and compares the digest; what does not agree is an error and never a value. Read Decrypt first, then walk in
// values.go; the format is described at https://getsops.io/docs and was learned from files made by the tool.
//
// The package refuses to encrypt, to ask a cloud's key service or a key ring of the machine, to combine the parts of a
// divided key (Shamir), and to say a value in an error.
package sops

import (
	"bytes"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"path"
	"strings"
	"time"

	"github.com/hawser-cd/hawser/internal/problem"
	"go.yaml.in/yaml/v3"
)

// Plain is a decrypted file.
type Plain struct {
	Text []byte
	// Values are what was encrypted in it, and the whole file if that was one value. They are what nobody may be shown.
	Values []string
}

// Looks reports whether data could be a file of sops; cheap, and true for each that is one.
func Looks(data []byte) bool {
	return bytes.Contains(data, []byte("sops")) && bytes.Contains(data, []byte("ENC[AES256_GCM,"))
}

// Decrypt returns the plain form of a file. encrypted is false, and nothing else is returned, when it is none of sops. The
// name decides between a JSON file and a binary one, which sops writes as JSON. An error is a problem of kind Forbidden when
// no key fits, Invalid when the file is damaged or uses what this package does not; it names the file and holds no value.
//
// With conceal, each text is replaced by what that returns for it, and each number by 0, once all is verified to be as it
// was encrypted: the file then has the shape of the plain one, and nothing of what is in it.
func Decrypt(name string, data []byte, keys *Keys, conceal func(string) string) (plain Plain, encrypted bool, err error) {
	if !Looks(data) {
		return Plain{}, false, nil
	}
	f := read(name, data)
	if f == nil {
		return Plain{}, false, nil
	}
	plain, err = f.decrypt(keys, conceal)
	problem.Wrap(&err, "%s", name)
	return plain, true, err
}

// Sealed reports whether an object that was read from a file still carries the block of sops: it must not be deployed.
func Sealed(object map[string]any) bool {
	block, ok := object["sops"].(map[string]any)
	if !ok {
		return false
	}
	mac, _ := block["mac"].(string)
	return isEncrypted(mac)
}

// file is one that was read: its documents without the block of sops.
type file struct {
	docs []*yaml.Node
	meta metadata
	emit func([]*yaml.Node) ([]byte, error)
}

// read returns nil for what is no file of sops.
func read(name string, data []byte) *file {
	text := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	var f *file
	switch {
	case bytes.HasPrefix(text, []byte("{")):
		if root, err := parseJSON(text); err == nil {
			f = &file{docs: []*yaml.Node{root}, emit: emitJSON}
			if path.Ext(name) != ".json" && isBinary(root) {
				f.emit = emitBinary
			}
		}
	case bytes.HasPrefix(text, []byte("sops_")), bytes.Contains(text, []byte("\nsops_mac=")):
		if root, meta, ok := parseDotenv(data); ok {
			return &file{docs: []*yaml.Node{root}, meta: meta, emit: emitDotenv}
		}
	default:
		if docs, err := parseYAML(data); err == nil {
			f = &file{docs: docs, emit: emitYAML}
		}
	}
	if f == nil || len(f.docs) == 0 {
		return nil
	}
	block := takeBlock(f.docs[0])
	if block == nil {
		return nil
	}
	for _, d := range f.docs[1:] { // each document carries a copy; the first one counts
		takeBlock(d)
	}
	var ok bool
	if f.meta, ok = metadataOf(block); !ok {
		return nil
	}
	return f
}

// takeBlock removes the block of sops from a document and returns it.
func takeBlock(doc *yaml.Node) *yaml.Node {
	if doc.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(doc.Content); i += 2 {
		if doc.Content[i].Value == "sops" && doc.Content[i+1].Kind == yaml.MappingNode {
			block := doc.Content[i+1]
			doc.Content = append(doc.Content[:i:i], doc.Content[i+2:]...)
			return block
		}
	}
	return nil
}

func (f *file) decrypt(keys *Keys, conceal func(string) string) (Plain, error) {
	rules, err := f.meta.rules()
	if err != nil {
		return Plain{}, err
	}
	key, err := f.meta.dataKey(keys)
	if err != nil {
		return Plain{}, err
	}
	w := &walk{key: key, rules: rules, onlyEncrypted: f.meta.MACOnlyEncrypted, digest: sha512.New()}
	if w.onlyEncrypted {
		w.digest.Write(onlyEncryptedMark)
	}
	for _, d := range f.docs {
		if _, err := w.node(d, nil); err != nil {
			return Plain{}, err
		}
	}
	if err := f.meta.verify(key, w.digest.Sum(nil)); err != nil {
		return Plain{}, err
	}
	if conceal != nil {
		for _, n := range w.opened {
			switch n.Tag {
			case "!!str":
				n.Value = conceal(n.Value)
			case "!!int", "!!float":
				n.Value = "0"
			}
		}
	}
	text, err := f.emit(f.docs)
	if err != nil {
		return Plain{}, err
	}
	return Plain{Text: text, Values: w.values}, nil
}

// onlyEncryptedMark opens the digest of files with mac_only_encrypted, so that it is never that of a file without: the
// sha256 of "sops".
var onlyEncryptedMark, _ = hex.DecodeString("8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69")

// verify compares the digest of the values with the one in the file.
func (m metadata) verify(key, digest []byte) error {
	at, err := time.Parse(time.RFC3339, m.LastModified)
	if err != nil {
		return problem.New(problem.Invalid, "sops.lastmodified is no time")
	}
	want, _, err := open(m.MAC, key, at.Format(time.RFC3339))
	if err != nil {
		return problem.New(problem.Invalid, "the MAC of the file cannot be decrypted: the file was changed after it was encrypted").WithHint(changed)
	}
	got := strings.ToUpper(hex.EncodeToString(digest))
	if subtle.ConstantTimeCompare([]byte(got), bytes.ToUpper(want)) != 1 {
		return problem.New(problem.Invalid, "MAC mismatch: values were changed, added or removed after the file was encrypted").WithHint(changed)
	}
	return nil
}

const changed = "change encrypted files with `sops edit`, or encrypt the file again"
