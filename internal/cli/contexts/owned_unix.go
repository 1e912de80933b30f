//go:build !windows

package contexts

// ownedPermissions: permission bits say who may read a file.
const ownedPermissions = true
