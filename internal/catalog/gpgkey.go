package catalog

import (
	"context"
	"maps"
	"regexp"
	"strings"

	"github.com/hawser-cd/hawser/internal/problem"
)

// gpgKeysMap holds the public keys that may sign commits: key ID → armored key.
const gpgKeysMap = "argocd-gpg-keys-cm"

// GPGKeys returns the public keys that are configured, armored, by their IDs: sixteen hexadecimal digits in upper case.
// What the keys are is for the caller to read.
func (c *Catalog) GPGKeys() map[string]string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return maps.Clone(c.records.maps[gpgKeysMap])
}

var keyID = regexp.MustCompile(`^(0x)?(?:[0-9A-Fa-f]{24})?([0-9A-Fa-f]{16})$`)

// GPGKeyID brings an ID or a fingerprint (40 digits) to the form that keys are stored under.
func GPGKeyID(id string) (string, error) {
	m := keyID.FindStringSubmatch(strings.TrimSpace(id))
	if m == nil {
		return "", problem.New(problem.Invalid, "'%.80s' is not a valid key ID or fingerprint", id)
	}
	return strings.ToUpper(m[2]), nil
}

// AddGPGKeys adds public keys by ID and returns the IDs of those that were new, and of those that were there already and
// stay as they are.
func (c *Catalog) AddGPGKeys(ctx context.Context, keys map[string]string) (added, skipped []string, err error) {
	if len(keys) > maxCertificates {
		return nil, nil, problem.New(problem.Limit, "%d keys in one request; %d are possible", len(keys), maxCertificates)
	}
	byID := map[string]string{}
	for id, armored := range keys {
		if id, err = GPGKeyID(id); err != nil {
			return nil, nil, err
		}
		if strings.Contains(armored, "PRIVATE KEY") || !strings.Contains(armored, "-----BEGIN PGP PUBLIC KEY BLOCK-----") {
			return nil, nil, problem.New(problem.Invalid, "what is given for %s is no armored public key", id)
		}
		byID[id] = armored
	}
	_, err = c.editRecord(ctx, configMaps, gpgKeysMap, func(d *draft) error {
		added, skipped = nil, nil
		for _, id := range sortedKeys(byID) {
			if _, there := d.values[id]; there {
				skipped = append(skipped, id)
				continue
			}
			d.values[id] = byID[id]
			added = append(added, id)
		}
		if d.missing {
			d.setLabel(partOfLabel, partOf)
		}
		return nil
	})
	return added, skipped, err
}

// RemoveGPGKey removes a public key. It is NotFound when there is none.
func (c *Catalog) RemoveGPGKey(ctx context.Context, id string) error {
	id, err := GPGKeyID(id)
	if err != nil {
		return err
	}
	_, err = c.editRecord(ctx, configMaps, gpgKeysMap, func(d *draft) error {
		if _, there := d.values[id]; !there {
			return problem.New(problem.NotFound, "no such key configured: %s", id)
		}
		delete(d.values, id)
		return nil
	})
	return err
}
