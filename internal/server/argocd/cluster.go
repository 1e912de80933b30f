package argocd

// ClusterID is part of other messages.
type ClusterID struct {
	Type  string `json:"type,omitempty" protobuf:"bytes,1,opt,name=type,proto3"`
	Value string `json:"value,omitempty" protobuf:"bytes,2,opt,name=value,proto3"`
}

// ClusterQuery asks for List, Get, Delete, RotateAuth, InvalidateCache.
type ClusterQuery struct {
	Server string     `json:"server,omitempty" protobuf:"bytes,1,opt,name=server,proto3"`
	Name   string     `json:"name,omitempty" protobuf:"bytes,2,opt,name=name,proto3"`
	ID     *ClusterID `json:"id,omitempty" protobuf:"bytes,3,opt,name=id"`
}

// ClusterResponse answers Delete, RotateAuth.
type ClusterResponse struct{}

// ClusterCreateRequest asks for Create.
type ClusterCreateRequest struct {
	Cluster *Cluster `json:"cluster,omitempty" protobuf:"bytes,1,opt,name=cluster"`
	Upsert  bool     `json:"upsert,omitempty" protobuf:"varint,2,opt,name=upsert,proto3"`
}

// ClusterUpdateRequest asks for Update.
type ClusterUpdateRequest struct {
	Cluster       *Cluster   `json:"cluster,omitempty" protobuf:"bytes,1,opt,name=cluster"`
	UpdatedFields []string   `json:"updatedFields,omitempty" protobuf:"bytes,2,rep,name=updatedFields"`
	ID            *ClusterID `json:"id,omitempty" protobuf:"bytes,3,opt,name=id"`
}

// AgentRegistration asks for RegisterAgent, which is ours: the cluster of an agent becomes one of ours, or a registered
// agent gets a new token.
type AgentRegistration struct {
	Name    string            `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	Project string            `json:"project,omitempty" protobuf:"bytes,2,opt,name=project,proto3"`
	Labels  map[string]string `json:"labels,omitempty" protobuf:"bytes,3,rep,name=labels"`
	Renew   bool              `json:"renew,omitempty" protobuf:"varint,4,opt,name=renew,proto3"` // it is registered: the old token is no good any more
	// Certificate, PEM, is what the agent shows instead of a token; only its public key counts.
	Certificate string `json:"certificate,omitempty" protobuf:"bytes,5,opt,name=certificate,proto3"`
}

// AgentRegistered answers RegisterAgent. The token is kept nowhere: this is the only time that it is said.
type AgentRegistered struct {
	Server string `json:"server" protobuf:"bytes,1,opt,name=server,proto3"`
	Token  string `json:"token" protobuf:"bytes,2,opt,name=token,proto3"`
}
