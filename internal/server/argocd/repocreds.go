package argocd

// RepoCredsQuery asks for ListRepositoryCredentials, ListWriteRepositoryCredentials.
type RepoCredsQuery struct {
	URL string `json:"url,omitempty" protobuf:"bytes,1,opt,name=url,proto3"`
}

// RepoCredsDeleteRequest asks for DeleteRepositoryCredentials, DeleteWriteRepositoryCredentials.
type RepoCredsDeleteRequest struct {
	URL string `json:"url,omitempty" protobuf:"bytes,1,opt,name=url,proto3"`
}

// RepoCredsResponse answers DeleteRepositoryCredentials, DeleteWriteRepositoryCredentials.
type RepoCredsResponse struct{}

// RepoCredsCreateRequest asks for CreateRepositoryCredentials, CreateWriteRepositoryCredentials.
type RepoCredsCreateRequest struct {
	Creds  *RepoCreds `json:"creds,omitempty" protobuf:"bytes,1,opt,name=creds"`
	Upsert bool       `json:"upsert,omitempty" protobuf:"varint,2,opt,name=upsert,proto3"`
}

// RepoCredsUpdateRequest asks for UpdateRepositoryCredentials, UpdateWriteRepositoryCredentials.
type RepoCredsUpdateRequest struct {
	Creds *RepoCreds `json:"creds,omitempty" protobuf:"bytes,1,opt,name=creds"`
}
