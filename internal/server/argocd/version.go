package argocd

// VersionMessage answers Version.
type VersionMessage struct {
	Version          string `json:"Version,omitempty" protobuf:"bytes,1,opt,name=Version,proto3"`
	BuildDate        string `json:"BuildDate,omitempty" protobuf:"bytes,2,opt,name=BuildDate,proto3"`
	GitCommit        string `json:"GitCommit,omitempty" protobuf:"bytes,3,opt,name=GitCommit,proto3"`
	GitTag           string `json:"GitTag,omitempty" protobuf:"bytes,4,opt,name=GitTag,proto3"`
	GitTreeState     string `json:"GitTreeState,omitempty" protobuf:"bytes,5,opt,name=GitTreeState,proto3"`
	GoVersion        string `json:"GoVersion,omitempty" protobuf:"bytes,6,opt,name=GoVersion,proto3"`
	Compiler         string `json:"Compiler,omitempty" protobuf:"bytes,7,opt,name=Compiler,proto3"`
	Platform         string `json:"Platform,omitempty" protobuf:"bytes,8,opt,name=Platform,proto3"`
	KustomizeVersion string `json:"KustomizeVersion,omitempty" protobuf:"bytes,10,opt,name=KustomizeVersion,proto3"`
	HelmVersion      string `json:"HelmVersion,omitempty" protobuf:"bytes,11,opt,name=HelmVersion,proto3"`
	KubectlVersion   string `json:"KubectlVersion,omitempty" protobuf:"bytes,12,opt,name=KubectlVersion,proto3"`
	JsonnetVersion   string `json:"JsonnetVersion,omitempty" protobuf:"bytes,13,opt,name=JsonnetVersion,proto3"`
	ExtraBuildInfo   string `json:"ExtraBuildInfo,omitempty" protobuf:"bytes,14,opt,name=ExtraBuildInfo,proto3"`
}
