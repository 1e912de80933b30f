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
