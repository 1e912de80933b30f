package git

import (
	"bytes"
	"encoding/binary"
	pemfile "encoding/pem"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// checkSSHKey says in advance what ssh would say darkly, or ask nobody about: nobody is there to type a passphrase.
func checkSSHKey(r Repository) error {
	if r.SSHPrivateKey == "" || r.http() || r.file() {
		return nil
	}
	block, _ := pemfile.Decode([]byte(strings.TrimSpace(r.SSHPrivateKey.Reveal()) + "\n"))
	if block == nil {
		return problem.New(problem.Invalid, "repository %s: sshPrivateKey is no private key in PEM or OpenSSH form", r).
			WithHint("it is the content of the file without .pub, line ends and all")
	}
	locked := strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") || block.Type == "ENCRYPTED PRIVATE KEY"
	if magic := []byte("openssh-key-v1\x00"); bytes.HasPrefix(block.Bytes, magic) { // then the name of its cipher (OpenSSH's PROTOCOL.key)
		rest := block.Bytes[len(magic):]
		if len(rest) >= 4 {
			n := binary.BigEndian.Uint32(rest)
			locked = uint64(n) <= uint64(len(rest)-4) && string(rest[4:4+n]) != "none"
		}
	}
	if locked {
		return problem.New(problem.Invalid, "repository %s: sshPrivateKey has a passphrase, and nobody is there to type it", r).
			WithHint("take it off with ssh-keygen -p -N '', or make a deploy key without one")
	}
	return nil
}
