package sops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hawser-cd/hawser/internal/problem"
	"sigs.k8s.io/yaml"
)

// The files of testdata were made, and decrypted again, by sops itself: testdata/make.sh.

func content(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func keysOf(t testing.TB, names ...string) *Keys {
	t.Helper()
	files := map[string]string{}
	for _, n := range names {
		files[n] = content(t, "keys/"+n)
	}
	return ParseKeys(files)
}

func all(t testing.TB) *Keys {
	return keysOf(t, "one.agekey", "other.agekey", "quantum.agekey", "pgp.asc")
}

// TestFilesOfTheToolAreReadAsTheToolReadsThem: each file decrypts to the values that sops itself prints.
func TestFilesOfTheToolAreReadAsTheToolReadsThem(t *testing.T) {
	plains, err := filepath.Glob("testdata/files/*.plain")
	if err != nil || len(plains) < 15 {
		t.Fatalf("%d files, %v", len(plains), err)
	}
	keys := all(t)
	for _, p := range plains {
		name := strings.TrimSuffix(filepath.Base(p), ".plain")
		if name == "divided.yaml" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			got, encrypted, err := Decrypt(name, []byte(content(t, "files/"+name)), keys, nil)
			if err != nil || !encrypted {
				t.Fatal(encrypted, err)
			}
			want := content(t, "files/"+name+".plain")
			switch filepath.Ext(name) {
			case ".yaml":
				if diff := cmp.Diff(documents(t, want), documents(t, string(got.Text))); diff != "" {
					t.Error(diff)
				}
			case ".json":
				if diff := cmp.Diff(compact(t, want), compact(t, string(got.Text))); diff != "" {
					t.Error(diff)
				}
			default:
				want = strings.TrimPrefix(want, "# people\n") // comments are not kept
				if diff := cmp.Diff(want, string(got.Text)); diff != "" {
					t.Error(diff)
				}
			}
			if len(got.Values) == 0 {
				t.Error("no values were told of")
			}
		})
	}
}

func documents(t testing.TB, text string) (docs []any) {
	t.Helper()
	for _, d := range strings.Split(text, "\n---\n") {
		var v any
		if err := yaml.Unmarshal([]byte(d), &v); err != nil {
			t.Fatal(err)
		}
		docs = append(docs, v)
	}
	return docs
}

func compact(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatal(err)
	}
	var v any // the spelling of escapes may differ
	d := json.NewDecoder(&b)
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(v)
}

// TestWhoHasNoKey: the message names the file, those it is encrypted for and the keys there are, and not a key.
func TestWhoHasNoKey(t *testing.T) {
	none := "no key is configured"
	for name, c := range map[string]struct {
		file string
		keys *Keys
		want []string
	}{
		"no keys":              {"secret.yaml", nil, []string{"secret.yaml: it is encrypted with SOPS for age age1", none}},
		"an empty set":         {"secret.yaml", ParseKeys(nil), []string{none}},
		"another age key":      {"secret.yaml", keysOf(t, "other.agekey"), []string{"for age age1", "the project has age age1", "give the project the private key"}},
		"age for PGP":          {"secret-pgp.yaml", keysOf(t, "one.agekey"), []string{"encrypted with SOPS for PGP "}},
		"PGP for age":          {"secret.yaml", keysOf(t, "pgp.asc"), []string{"the project has PGP "}},
		"two recipients":       {"secret-both.yaml", keysOf(t, "one.agekey"), []string{"for age age1", "PGP "}},
		"a locked key":         {"secret-pgp.yaml", keysOf(t, "locked.asc"), []string{"locked.asc: PGP", "passphrase, which is not supported"}},
		"a key that is none":   {"secret.yaml", ParseKeys(map[string]string{"a.agekey": "AGE-SECRET-KEY-1CANARY", "b.asc": "canary"}), []string{"a.agekey holds no age identity; b.asc holds no PGP key"}},
		"a post-quantum key":   {"secret-quantum.yaml", keysOf(t, "one.agekey"), []string{"for age age1pq1"}},
		"a file of a database": {"app.env", keysOf(t, "other.agekey"), []string{"app.env: it is encrypted with SOPS for age"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, encrypted, err := Decrypt(c.file, []byte(content(t, "files/"+c.file)), c.keys, nil)
			if !encrypted || !problem.Is(err, problem.Forbidden) || got.Text != nil {
				t.Fatalf("%v %v %v", encrypted, got, err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in: %v", w, err)
				}
			}
			if strings.Contains(strings.ToUpper(err.Error()), "CANARY") || strings.Contains(err.Error(), "SECRET-KEY") {
				t.Errorf("a secret is in: %v", err)
			}
		})
	}
}

// TestAPublicKeyIsNone: somebody gave the public half only.
func TestAPublicKeyIsNone(t *testing.T) {
	k := ParseKeys(map[string]string{"empty.agekey": "# public key: age1abc\n", "readme.txt": "none of ours"})
	if err := k.Check(); err == nil || !strings.Contains(err.Error(), "empty.agekey holds no age identity") {
		t.Error(err)
	}
	if err := ParseKeys(map[string]string{"x": "y"}).Check(); err == nil {
		t.Error("a set without keys is taken for one")
	}
	if err := all(t).Check(); err != nil {
		t.Error(err)
	}
}

// TestWhatWasChangedIsRefused: whoever changes, moves, adds or takes away a value of an encrypted file gets no file at all.
func TestWhatWasChangedIsRefused(t *testing.T) {
	keys := all(t)
	line := func(text, prefix string) string {
		for _, l := range strings.Split(text, "\n") {
			if strings.HasPrefix(strings.TrimSpace(l), prefix) {
				return l
			}
		}
		t.Fatal("no line begins with " + prefix)
		return ""
	}
	secret, kinds, only := content(t, "files/secret.yaml"), content(t, "files/kinds.yaml"), content(t, "files/kinds-mac-only.yaml")
	password, user := line(secret, "password:"), line(secret, "user:")
	value := func(l string) string { return l[strings.Index(l, "ENC["):] }
	for name, c := range map[string]struct{ text, want string }{
		"a value in the clear is changed":  {strings.Replace(secret, "name: db", "name: other", 1), "MAC mismatch"},
		"a value in the clear is added":    {strings.Replace(secret, "name: db", "name: db\n    extra: a", 1), "MAC mismatch"},
		"a value is taken away":            {strings.Replace(secret, user+"\n", "", 1), "MAC mismatch"},
		"two values change places":         {strings.NewReplacer(value(password), value(user), value(user), value(password)).Replace(secret), "stringData.password cannot be decrypted"},
		"a value is plain":                 {strings.Replace(secret, value(user), "root", 1), "stringData.user cannot be decrypted: it is not encrypted"},
		"a number is plain":                {strings.Replace(secret, value(user), "12", 1), "stringData.user should be encrypted and is not"},
		"a byte of a value":                {strings.Replace(secret, "GCM,data:", "GCM,data:AAAA", 1), "stringData"},
		"another time":                     {strings.Replace(secret, `lastmodified: "2026-11-2`, `lastmodified: "2026-11-1`, 1), "the MAC of the file cannot be decrypted"},
		"no time":                          {strings.Replace(secret, `lastmodified: "2026`, `lastmodified: "x`, 1), "lastmodified is no time"},
		"a rule that encrypts less":        {strings.Replace(secret, "encrypted_regex: ^(data|stringData)$", "encrypted_regex: ^data$", 1), "MAC mismatch"},
		"two rules":                        {strings.Replace(secret, "encrypted_regex:", "encrypted_suffix: x\n    encrypted_regex:", 1), "several rules"},
		"a rule that is none":              {strings.Replace(secret, "encrypted_regex: ^(data|stringData)$", "encrypted_regex: '('", 1), "the rule of sops"},
		"the digest is over less":          {strings.Replace(kinds, "unencrypted_suffix: _unencrypted", "unencrypted_suffix: _unencrypted\n    mac_only_encrypted: true", 1), "MAC mismatch"},
		"the digest is over more":          {strings.Replace(only, "mac_only_encrypted: true", "mac_only_encrypted: false", 1), "MAC mismatch"},
		"an alias":                         {strings.Replace(secret, "name: db", "name: &a db\n    other: *a", 1), "is an alias"},
		"a key that is no text":            {strings.Replace(secret, "name: db", "name: db\n    12: a", 1), "a key that is no text"},
		"the recipients' text is nonsense": {strings.Replace(secret, "YWdl", "ZZZZ", 1), "it is encrypted with SOPS for age"},
		"the key is divided":               {content(t, "files/divided.yaml"), "divided between 2 key groups"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.text == secret {
				t.Fatal("nothing was changed")
			}
			got, encrypted, err := Decrypt("f.yaml", []byte(c.text), keys, nil)
			if !encrypted || err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "f.yaml: ") {
				t.Fatalf("%v, %v", encrypted, err)
			}
			if got.Text != nil || got.Values != nil || strings.Contains(err.Error(), "canary") {
				t.Errorf("a value got out: %v", err)
			}
		})
	}
	// what the digest leaves out may change, as the tool has it
	if _, _, err := Decrypt("f.yaml", []byte(strings.Replace(only, "kind: Kinds", "kind: Other", 1)), keys, nil); err != nil {
		t.Errorf("mac_only_encrypted: %v", err)
	}
}

// TestConcealedFiles have the shape of the plain file, and none of what is in it.
func TestConcealedFiles(t *testing.T) {
	for _, name := range []string{"kinds.yaml", "secret.json", "app.env", "blob.txt"} {
		got, _, err := Decrypt(name, []byte(content(t, "files/"+name)), all(t), func(v string) string { return fmt.Sprintf("[%d]", len(v)) })
		if err != nil || len(got.Values) == 0 {
			t.Fatal(name, err)
		}
		for _, v := range got.Values {
			if len(v) > 3 && v != "true" && v != "false" && !strings.HasPrefix(v, "20") && strings.Contains(string(got.Text), v) {
				t.Errorf("%s: %q is in %s", name, v, got.Text)
			}
		}
		if !strings.Contains(string(got.Text), "[") || name == "kinds.yaml" && !strings.Contains(string(got.Text), "kept_unencrypted: stays as it is") {
			t.Errorf("%s: %s", name, got.Text)
		}
	}
}

// TestWhatIsNoFileOfSops is left to whoever reads it.
func TestWhatIsNoFileOfSops(t *testing.T) {
	for _, text := range []string{
		"", "a: b", "sops: {enabled: true}\nexample: ENC[AES256_GCM,data:x]", "sops:\n  mac: none\nx: ENC[AES256_GCM,", "{\"sops\": \"ENC[AES256_GCM,\"}", "- sops\n- ENC[AES256_GCM,",
		"{{ if .Values.sops }}ENC[AES256_GCM,{{ end }}", "# sops\nsops_mac=ENC[AES256_GCM,", "just ENC[AES256_GCM, of sops", "{", "sops: [ENC[AES256_GCM,",
	} {
		if got, encrypted, err := Decrypt("f.yaml", []byte(text), all(t), nil); encrypted || err != nil || got.Text != nil {
			t.Errorf("%q: %v, %v", text, encrypted, err)
		}
	}
}

// TestAnObjectThatIsStillSealed must not be deployed.
func TestAnObjectThatIsStillSealed(t *testing.T) {
	for name, want := range map[string]bool{"secret.yaml": true, "secret.yaml.plain": false} {
		var o map[string]any
		if err := yaml.Unmarshal([]byte(content(t, "files/"+name)), &o); err != nil {
			t.Fatal(err)
		}
		if Sealed(o) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if Sealed(map[string]any{"sops": map[string]any{"enabled": true}}) || Sealed(map[string]any{"sops": "x"}) {
		t.Error("other things are called sops, too")
	}
}

// TestKeysAreShownByNoFormatter, and their digest changes with them.
func TestKeysAreShownByNoFormatter(t *testing.T) {
	keys := all(t)
	for _, text := range []string{fmt.Sprint(keys), fmt.Sprintf("%+v %#v %d %s %q", keys, keys, keys, keys, keys), fmt.Sprintf("%+v", struct{ K *Keys }{keys})} {
		if strings.Contains(text, "SECRET") || len(text) > 200 {
			t.Errorf("shown: %s", text)
		}
	}
	if text, err := json.Marshal(keys); err != nil || string(text) != `"4 keys"` {
		t.Errorf("%s %v", text, err)
	}
	if keys.Digest() != all(t).Digest() || keys.Digest() == keysOf(t, "one.agekey").Digest() || keysOf(t, "one.agekey").Digest() == keysOf(t, "other.agekey").Digest() {
		t.Error("the digest does not name the keys")
	}
}

func FuzzDecrypt(f *testing.F) {
	files, err := filepath.Glob("testdata/files/*")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(filepath.Base(name), data)
	}
	keys := all(f)
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		got, encrypted, err := Decrypt(name, data, keys, nil)
		if (err != nil || !encrypted) && got.Text != nil {
			t.Error("an error with content")
		}
	})
}

func BenchmarkDecrypt(b *testing.B) {
	for name, key := range map[string]string{"secret.yaml": "one.agekey", "secret-pgp.yaml": "pgp.asc"} {
		data, keys := []byte(content(b, "files/"+name)), keysOf(b, key)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := Decrypt(name, data, keys, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	plain := []byte(strings.Repeat("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n", 2000))
	b.Run("100 KiB that are none of sops", func(b *testing.B) {
		for b.Loop() {
			if _, encrypted, _ := Decrypt("a.yaml", plain, nil, nil); encrypted {
				b.Fatal("encrypted")
			}
		}
	})
}
