package catalog

// SecretNames returns the names of the Secrets of Accounts, sorted; argocd-secret may be among them.
func (a *Accounts) SecretNames() []string { return sortedKeys(a.secrets) }
