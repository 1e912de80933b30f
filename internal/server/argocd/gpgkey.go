package argocd

// GnuPGPublicKeyQuery asks for List, Get, Delete.
type GnuPGPublicKeyQuery struct {
	KeyID string `json:"keyID,omitempty" protobuf:"bytes,1,opt,name=keyID,proto3"`
}

// GnuPGPublicKeyCreateRequest asks for Create.
type GnuPGPublicKeyCreateRequest struct {
	Publickey *GnuPGPublicKey `json:"publickey,omitempty" protobuf:"bytes,1,opt,name=publickey"`
	Upsert    bool            `json:"upsert,omitempty" protobuf:"varint,2,opt,name=upsert,proto3"`
}

// GnuPGPublicKeyCreateResponse answers Create.
type GnuPGPublicKeyCreateResponse struct {
	Created *GnuPGPublicKeyList `json:"created,omitempty" protobuf:"bytes,1,opt,name=created"`
	Skipped []string            `json:"skipped,omitempty" protobuf:"bytes,2,rep,name=skipped"`
}

// GnuPGPublicKeyResponse answers Delete.
type GnuPGPublicKeyResponse struct{}
