package argocd

import (
	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// ProjectCreateRequest asks for Create.
type ProjectCreateRequest struct {
	Project *v1alpha1.AppProject `json:"project,omitempty" protobuf:"bytes,1,opt,name=project"`
	Upsert  bool                 `json:"upsert,omitempty" protobuf:"varint,2,opt,name=upsert,proto3"`
}

// ProjectTokenDeleteRequest asks for DeleteToken.
type ProjectTokenDeleteRequest struct {
	Project string `json:"project,omitempty" protobuf:"bytes,1,opt,name=project,proto3"`
	Role    string `json:"role,omitempty" protobuf:"bytes,2,opt,name=role,proto3"`
	Iat     int64  `json:"iat,omitempty" protobuf:"varint,3,opt,name=iat,proto3"`
	ID      string `json:"id,omitempty" protobuf:"bytes,4,opt,name=id,proto3"`
}

// ProjectTokenCreateRequest asks for CreateToken.
type ProjectTokenCreateRequest struct {
	Project     string `json:"project,omitempty" protobuf:"bytes,1,opt,name=project,proto3"`
	Description string `json:"description,omitempty" protobuf:"bytes,2,opt,name=description,proto3"`
	Role        string `json:"role,omitempty" protobuf:"bytes,3,opt,name=role,proto3"`
	ExpiresIn   int64  `json:"expiresIn,omitempty" protobuf:"varint,4,opt,name=expiresIn,proto3"`
	ID          string `json:"id,omitempty" protobuf:"bytes,5,opt,name=id,proto3"`
}

// ProjectTokenResponse answers CreateToken.
type ProjectTokenResponse struct {
	Token string `json:"token,omitempty" protobuf:"bytes,1,opt,name=token,proto3"`
}

// ProjectQuery asks for List, GetDetailedProject, Get, GetGlobalProjects, Delete, ListEvents.
type ProjectQuery struct {
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
}

// ProjectUpdateRequest asks for Update.
type ProjectUpdateRequest struct {
	Project *v1alpha1.AppProject `json:"project,omitempty" protobuf:"bytes,1,opt,name=project"`
}

// ProjectEmptyResponse answers DeleteToken, Delete.
type ProjectEmptyResponse struct{}

// SyncWindowsQuery asks for GetSyncWindowsState.
type SyncWindowsQuery struct {
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
}

// SyncWindowsResponse answers GetSyncWindowsState.
type SyncWindowsResponse struct {
	Windows []v1alpha1.SyncWindow `json:"windows,omitempty" protobuf:"bytes,1,rep,name=windows"`
}

// GlobalProjectsResponse answers GetGlobalProjects.
type GlobalProjectsResponse struct {
	Items []v1alpha1.AppProject `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
}

// DetailedProjectsResponse answers GetDetailedProject.
type DetailedProjectsResponse struct {
	GlobalProjects []v1alpha1.AppProject `json:"globalProjects,omitempty" protobuf:"bytes,1,rep,name=globalProjects"`
	Project        *v1alpha1.AppProject  `json:"project,omitempty" protobuf:"bytes,2,opt,name=project"`
	Repositories   []Repository          `json:"repositories,omitempty" protobuf:"bytes,3,rep,name=repositories"`
	Clusters       []Cluster             `json:"clusters,omitempty" protobuf:"bytes,4,rep,name=clusters"`
}

// ListProjectLinksRequest asks for ListLinks.
type ListProjectLinksRequest struct {
	Name string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
}
