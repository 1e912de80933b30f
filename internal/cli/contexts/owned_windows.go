package contexts

// ownedPermissions: Windows says who may read a file elsewhere than in permission bits.
const ownedPermissions = false
