package argocd

// UpdatePasswordRequest asks for UpdatePassword.
type UpdatePasswordRequest struct {
	NewPassword     string `json:"newPassword,omitempty" protobuf:"bytes,1,opt,name=newPassword,proto3"`
	CurrentPassword string `json:"currentPassword,omitempty" protobuf:"bytes,2,opt,name=currentPassword,proto3"`
	Name            string `json:"name,omitempty" protobuf:"bytes,3,opt,name=name,proto3"`
}

// UpdatePasswordResponse answers UpdatePassword.
type UpdatePasswordResponse struct{}

// CanIRequest asks for CanI.
type CanIRequest struct {
	Resource    string `json:"resource,omitempty" protobuf:"bytes,1,opt,name=resource,proto3"`
	Action      string `json:"action,omitempty" protobuf:"bytes,2,opt,name=action,proto3"`
	Subresource string `json:"subresource,omitempty" protobuf:"bytes,3,opt,name=subresource,proto3"`
}

// CanIResponse answers CanI.
type CanIResponse struct {
	Value string `json:"value,omitempty" protobuf:"bytes,1,opt,name=value,proto3"`
}

// GetAccountRequest asks for GetAccount.
type GetAccountRequest struct {
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
}

// Account answers GetAccount.
type Account struct {
	Name         string         `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	Enabled      bool           `json:"enabled,omitempty" protobuf:"varint,2,opt,name=enabled,proto3"`
	Capabilities []string       `json:"capabilities,omitempty" protobuf:"bytes,3,rep,name=capabilities"`
	Tokens       []AccountToken `json:"tokens,omitempty" protobuf:"bytes,4,rep,name=tokens"`
}

// AccountsList answers ListAccounts.
type AccountsList struct {
	Items []Account `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
}

// AccountToken is part of other messages.
type AccountToken struct {
	ID        string `json:"id,omitempty" protobuf:"bytes,1,opt,name=id,proto3"`
	IssuedAt  int64  `json:"issuedAt,omitempty" protobuf:"varint,2,opt,name=issuedAt,proto3"`
	ExpiresAt int64  `json:"expiresAt,omitempty" protobuf:"varint,3,opt,name=expiresAt,proto3"`
}

// AccountTokensList is part of other messages.
type AccountTokensList struct {
	Items []AccountToken `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
}

// CreateTokenRequest asks for CreateToken.
type CreateTokenRequest struct {
	Name      string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	ExpiresIn int64  `json:"expiresIn,omitempty" protobuf:"varint,2,opt,name=expiresIn,proto3"`
	ID        string `json:"id,omitempty" protobuf:"bytes,3,opt,name=id,proto3"`
}

// CreateTokenResponse answers CreateToken.
type CreateTokenResponse struct {
	Token string `json:"token,omitempty" protobuf:"bytes,1,opt,name=token,proto3"`
}

// DeleteTokenRequest asks for DeleteToken.
type DeleteTokenRequest struct {
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	ID   string `json:"id,omitempty" protobuf:"bytes,2,opt,name=id,proto3"`
}

// ListAccountRequest asks for ListAccounts.
type ListAccountRequest struct{}

// AccountEmptyResponse answers DeleteToken.
type AccountEmptyResponse struct{}
