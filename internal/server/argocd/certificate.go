package argocd

// RepositoryCertificateQuery asks for ListCertificates, DeleteCertificate.
type RepositoryCertificateQuery struct {
	HostNamePattern string `json:"hostNamePattern,omitempty" protobuf:"bytes,1,opt,name=hostNamePattern,proto3"`
	CertType        string `json:"certType,omitempty" protobuf:"bytes,2,opt,name=certType,proto3"`
	CertSubType     string `json:"certSubType,omitempty" protobuf:"bytes,3,opt,name=certSubType,proto3"`
}

// RepositoryCertificateCreateRequest asks for CreateCertificate.
type RepositoryCertificateCreateRequest struct {
	Certificates *RepositoryCertificateList `json:"certificates,omitempty" protobuf:"bytes,1,opt,name=certificates"`
	Upsert       bool                       `json:"upsert,omitempty" protobuf:"varint,2,opt,name=upsert,proto3"`
}

// RepositoryCertificateResponse is part of other messages.
type RepositoryCertificateResponse struct{}
