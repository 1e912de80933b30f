#!/bin/sh
# Makes the files of this folder anew, with the real tools: sops (v3.13.3), age-keygen, gpg. The keys are for tests only.
#   go install github.com/getsops/sops/v3/cmd/sops@v3.13.3 filippo.io/age/cmd/age-keygen@v1.3.2
set -eu
cd "$(dirname "$0")"
export GNUPGHOME=$(mktemp -d)
chmod 700 "$GNUPGHOME"
trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"' EXIT
rm -rf keys files
mkdir keys files
age-keygen -o keys/one.agekey 2>/dev/null
age-keygen -o keys/other.agekey 2>/dev/null
age-keygen -pq -o keys/quantum.agekey 2>/dev/null
gpg --batch --quiet --passphrase '' --quick-generate-key 'Hawser test <test@hawser.invalid>' rsa2048 encrypt,sign never
gpg --batch --quiet --armor --export-secret-keys > keys/pgp.asc
gpg --batch --quiet --passphrase 'not empty' --pinentry-mode loopback --quick-generate-key 'Locked <locked@hawser.invalid>' rsa2048 encrypt,sign never
gpg --batch --quiet --passphrase 'not empty' --pinentry-mode loopback --armor --export-secret-keys locked@hawser.invalid > keys/locked.asc
one=$(age-keygen -y keys/one.agekey)
other=$(age-keygen -y keys/other.agekey)
quantum=$(age-keygen -y keys/quantum.agekey)
pgp=$(gpg --batch --list-keys --with-colons test@hawser.invalid | awk -F: '/^fpr/ {print $10; exit}')

seal() { # seal NAME FORMAT OPTIONS… < plain
	name=$1 format=$2
	shift 2
	cat > "$GNUPGHOME/plain"
	sops encrypt --input-type "$format" --output-type "$format" "$@" "$GNUPGHOME/plain" > "files/$name"
}
kinds='# a comment
apiVersion: example.hawser.dev/v1
kind: Kinds
metadata:
  name: kinds
text: plain text
switch: "on"
digits: "0123"
empty: ""
nothing: null
count: 12
negative: -3
ratio: 0.5
whole: 3.0
large: 1e3
flag: true
unflag: false
day: 2026-11-28
unicode: "héllo ✓ \U0001F600"
lines: |
  first
  second: not a key

  fourth
list:
  # about the first
  - one
  - 2
  - name: three
    value: 3
  - [nested, true]
emptylist: []
emptymap: {}
kept_unencrypted: stays as it is
'
printf '%s' "$kinds" | seal kinds.yaml yaml --age "$one"
printf 'creation_rules:\n  - {age: %s, mac_only_encrypted: true, encrypted_regex: "^(text|list|count)$"}\n' "$one" > "$GNUPGHOME/mac.yaml"
printf '%s' "$kinds" > "$GNUPGHOME/plain.yaml"
sops --config "$GNUPGHOME/mac.yaml" encrypt "$GNUPGHOME/plain.yaml" > files/kinds-mac-only.yaml
printf '%s' "$kinds" | seal kinds-suffix.yaml yaml --age "$one" --encrypted-suffix t
printf '%s' "$kinds" | seal kinds-unregex.yaml yaml --age "$one" --unencrypted-regex '^(metadata|kind|apiVersion|list)$'
printf 'creation_rules:\n  - {age: %s, encrypted_comment_regex: secret}\n' "$one" > "$GNUPGHOME/comment.yaml"
printf 'a: in the open\n# secret\nb: canary\nc: [1, 2.50]\n' > "$GNUPGHOME/plain.yaml"
sops --config "$GNUPGHOME/comment.yaml" encrypt "$GNUPGHOME/plain.yaml" > files/kinds-comment.yaml
secret='apiVersion: v1
kind: Secret
metadata:
  name: db
stringData:
  password: canary-of-sops
  user: admin
'
printf '%s' "$secret" | seal secret.yaml yaml --age "$one" --encrypted-regex '^(data|stringData)$'
printf '%s' "$secret" | seal secret-other.yaml yaml --age "$other" --encrypted-regex '^(data|stringData)$'
printf '%s' "$secret" | seal secret-quantum.yaml yaml --age "$quantum" --encrypted-regex '^(data|stringData)$'
printf '%s' "$secret" | seal secret-pgp.yaml yaml --pgp "$pgp" --encrypted-regex '^(data|stringData)$'
printf '%s' "$secret" | seal secret-both.yaml yaml --age "$other" --pgp "$pgp" --encrypted-regex '^(data|stringData)$'
printf '%s---\n%s' "$secret" "$(printf '%s' "$secret" | sed 's/name: db/name: second/')" | seal two.yaml yaml --age "$one" --encrypted-regex '^(data|stringData)$'
printf '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"json"},"stringData":{"password":"canary-of-json","escaped":"a\\u00e9\\n\\"\\ud83d\\ude00"},"n":[1,2.5,12345678901234567,true,null]}' | seal secret.json json --age "$one"
printf '# people\nUSER=admin\nPASSWORD=canary=of=dotenv\nLINES=one\\ntwo\nEMPTY=\n' | seal app.env dotenv --age "$one"
printf 'canary of a file\nwith lines\n\ttabs' | seal blob.txt binary --age "$one"
cat > "$GNUPGHOME/.sops.yaml" <<EOF
creation_rules:
  - shamir_threshold: 2
    key_groups: [{age: [$one]}, {age: [$other]}]
EOF
printf '%s' "$secret" > "$GNUPGHOME/plain.yaml"
sops --config "$GNUPGHOME/.sops.yaml" encrypt "$GNUPGHOME/plain.yaml" > files/divided.yaml
# what the tool itself makes of them again
export SOPS_AGE_KEY_FILE="$GNUPGHOME/all"
cat keys/*.agekey > "$SOPS_AGE_KEY_FILE"
for f in files/*; do
	case $f in *.json) type=json ;; *.env) type=dotenv ;; *.txt) type=binary ;; *) type=yaml ;; esac
	sops decrypt --input-type $type --output-type $type "$f" > "$f.plain"
done
