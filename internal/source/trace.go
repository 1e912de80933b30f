package source

import (
	"errors"
	"io/fs"
	"strings"
)

// Read is one thing that was looked at: a file, a symlink or a whole folder by its hash, a folder's names, a folder's mere existence,
// or (all fields but Path empty) a path that was missing.
type Read struct {
	Path   string
	Hash   Hash
	Listed bool // Hash is over the names and kinds in the folder, not over their content
	Folder bool // it was looked up and is a folder
	Link   bool // it is a symlink: a file of the same hash is something else
}

// Trace is everything a render looked at, in order.
type Trace []Read

// Holds reports whether looking at the same paths in tree would show the same: then a pure render gives the same
// result. An error (tree unreadable) is not an answer and is returned.
func (t Trace) Holds(tree Tree) (bool, error) {
	for _, r := range t {
		same, err := r.holds(tree)
		if err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

func (r Read) holds(tree Tree) (bool, error) {
	e, err := tree.Entry(r.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return r.Hash == "" && !r.Folder && !r.Listed, nil
	}
	if err != nil {
		return false, err
	}
	switch {
	case r.Listed:
		if e.Mode != Folder {
			return false, nil
		}
		list, err := tree.List(r.Path)
		return err == nil && namesHash(list) == r.Hash, err
	case r.Folder:
		return e.Mode == Folder, nil
	}
	return e.Hash == r.Hash && r.Link == (e.Mode == Symlink), nil
}

// namesHash is over names and kinds only: a listing does not depend on what the listed files hold.
func namesHash(list []Entry) Hash {
	var b strings.Builder
	for _, e := range list {
		b.WriteString(e.Name)
		b.WriteByte('\x00')
		b.WriteByte(byte('0' + e.Mode))
	}
	return sum(b.String())
}
