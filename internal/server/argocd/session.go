package argocd

// SessionCreateRequest asks for Create.
type SessionCreateRequest struct {
	Username string `json:"username,omitempty" protobuf:"bytes,1,opt,name=username,proto3"`
	Password string `json:"password,omitempty" protobuf:"bytes,2,opt,name=password,proto3"`
	Token    string `json:"token,omitempty" protobuf:"bytes,3,opt,name=token,proto3"`
}

// SessionDeleteRequest asks for Delete.
type SessionDeleteRequest struct{}

// SessionResponse answers Create, Delete.
type SessionResponse struct {
	Token string `json:"token,omitempty" protobuf:"bytes,1,opt,name=token,proto3"`
}

// GetUserInfoRequest asks for GetUserInfo.
type GetUserInfoRequest struct{}

// GetUserInfoResponse answers GetUserInfo.
type GetUserInfoResponse struct {
	LoggedIn bool     `json:"loggedIn,omitempty" protobuf:"varint,1,opt,name=loggedIn,proto3"`
	Username string   `json:"username,omitempty" protobuf:"bytes,2,opt,name=username,proto3"`
	Iss      string   `json:"iss,omitempty" protobuf:"bytes,3,opt,name=iss,proto3"`
	Groups   []string `json:"groups,omitempty" protobuf:"bytes,4,rep,name=groups"`
}
