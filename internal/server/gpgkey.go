package server

import (
	"maps"
	"slices"
	"strings"

	"github.com/hawser-cd/hawser/internal/catalog"
	"github.com/hawser-cd/hawser/internal/problem"
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func (s *server) gpgkeyMethods() []method {
	const keys = "gpgkey.GPGKeyService/"
	type query = argocd.GnuPGPublicKeyQuery
	// as in Argo CD, policies decide on all keys or none: the object is empty, which only a star matches
	all := func(*call, *query) string { return "" }
	return []method{
		unary(keys+"List", on(rbac.GPGKeys, rbac.Get, all), s.listKeys),
		unary(keys+"Get", on(rbac.GPGKeys, rbac.Get, all), s.getKey),
		unary(keys+"Create", on(rbac.GPGKeys, rbac.Create, func(*call, *argocd.GnuPGPublicKeyCreateRequest) string { return "" }), s.createKeys),
		unary(keys+"Delete", on(rbac.GPGKeys, rbac.Delete, all), s.deleteKey),
	}
}

// shownKey is what a stored key says of itself; of one that cannot be read only its id is known.
func shownKey(id, armored string) argocd.GnuPGPublicKey {
	out := argocd.GnuPGPublicKey{KeyID: id, Trust: "unknown", KeyData: armored}
	if keys, err := readPublicKeys(armored); err == nil {
		for _, k := range keys {
			if k.id() == id {
				out.Fingerprint, out.Owner, out.SubType = k.fingerprint, k.owner, k.algorithm
			}
		}
	}
	return out
}

func (s *server) listKeys(*call, *argocd.GnuPGPublicKeyQuery) (*argocd.GnuPGPublicKeyList, error) {
	list := &argocd.GnuPGPublicKeyList{Items: []argocd.GnuPGPublicKey{}}
	known := s.Catalog.GPGKeys()
	for _, id := range slices.Sorted(maps.Keys(known)) {
		k := shownKey(id, known[id])
		k.KeyData = ""
		list.Items = append(list.Items, k)
	}
	return list, nil
}

func (s *server) getKey(_ *call, q *argocd.GnuPGPublicKeyQuery) (*argocd.GnuPGPublicKey, error) {
	id, err := catalog.GPGKeyID(q.KeyID)
	if err != nil {
		return nil, err
	}
	armored, ok := s.Catalog.GPGKeys()[id]
	if !ok {
		return nil, problem.New(problem.NotFound, "no such key: %s", id)
	}
	k := shownKey(id, armored)
	return &k, nil
}

// createKeys stores every public key of an armored text by itself; keys that are there already stay as they are.
func (s *server) createKeys(c *call, q *argocd.GnuPGPublicKeyCreateRequest) (*argocd.GnuPGPublicKeyCreateResponse, error) {
	if q.Publickey == nil || strings.TrimSpace(q.Publickey.KeyData) == "" {
		return nil, problem.New(problem.Invalid, "submitted key data is empty")
	}
	keys, err := readPublicKeys(q.Publickey.KeyData)
	if err != nil {
		return nil, err
	}
	byID := map[string]string{}
	for _, k := range keys {
		byID[k.id()] = k.armored()
	}
	added, skipped, err := s.Catalog.AddGPGKeys(c, byID)
	if err != nil {
		return nil, err
	}
	out := &argocd.GnuPGPublicKeyCreateResponse{Created: &argocd.GnuPGPublicKeyList{Items: []argocd.GnuPGPublicKey{}}, Skipped: skipped}
	for _, id := range added {
		out.Created.Items = append(out.Created.Items, shownKey(id, byID[id]))
	}
	return out, nil
}

func (s *server) deleteKey(c *call, q *argocd.GnuPGPublicKeyQuery) (*argocd.GnuPGPublicKeyResponse, error) {
	id, err := catalog.GPGKeyID(q.KeyID)
	if err != nil {
		return nil, err
	}
	if _, ok := s.Catalog.GPGKeys()[id]; !ok {
		return nil, problem.New(problem.NotFound, "no such key configured: %s", id)
	}
	if err := s.Catalog.RemoveGPGKey(c, id); err != nil {
		return nil, err
	}
	return &argocd.GnuPGPublicKeyResponse{}, nil
}
