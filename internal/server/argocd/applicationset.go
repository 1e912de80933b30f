package argocd

import (
	"github.com/hawser-cd/hawser/api/v1alpha1"
)

// ApplicationSetGetQuery asks for Get, ListResourceEvents.
type ApplicationSetGetQuery struct {
	Name            string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	AppsetNamespace string `json:"appsetNamespace,omitempty" protobuf:"bytes,2,opt,name=appsetNamespace,proto3"`
}

// ApplicationSetListQuery asks for List.
type ApplicationSetListQuery struct {
	Projects        []string `json:"projects,omitempty" protobuf:"bytes,1,rep,name=projects"`
	Selector        string   `json:"selector,omitempty" protobuf:"bytes,2,opt,name=selector,proto3"`
	AppsetNamespace string   `json:"appsetNamespace,omitempty" protobuf:"bytes,3,opt,name=appsetNamespace,proto3"`
}

// ApplicationSetWatchQuery asks for Watch.
type ApplicationSetWatchQuery struct {
	Name            string   `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	Projects        []string `json:"projects,omitempty" protobuf:"bytes,2,rep,name=projects"`
	Selector        string   `json:"selector,omitempty" protobuf:"bytes,3,opt,name=selector,proto3"`
	AppSetNamespace string   `json:"appSetNamespace,omitempty" protobuf:"bytes,4,opt,name=appSetNamespace,proto3"`
	ResourceVersion string   `json:"resourceVersion,omitempty" protobuf:"bytes,5,opt,name=resourceVersion,proto3"`
}

// ApplicationSetResponse answers Delete.
type ApplicationSetResponse struct {
	Project        string                   `json:"project,omitempty" protobuf:"bytes,1,opt,name=project,proto3"`
	Applicationset *v1alpha1.ApplicationSet `json:"applicationset,omitempty" protobuf:"bytes,2,opt,name=applicationset"`
}

// ApplicationSetCreateRequest asks for Create.
type ApplicationSetCreateRequest struct {
	Applicationset *v1alpha1.ApplicationSet `json:"applicationset,omitempty" protobuf:"bytes,1,opt,name=applicationset"`
	Upsert         bool                     `json:"upsert,omitempty" protobuf:"varint,2,opt,name=upsert,proto3"`
	DryRun         bool                     `json:"dryRun,omitempty" protobuf:"varint,3,opt,name=dryRun,proto3"`
}

// ApplicationSetDeleteRequest asks for Delete.
type ApplicationSetDeleteRequest struct {
	Name            string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	AppsetNamespace string `json:"appsetNamespace,omitempty" protobuf:"bytes,2,opt,name=appsetNamespace,proto3"`
}

// ApplicationSetTreeQuery asks for ResourceTree.
type ApplicationSetTreeQuery struct {
	Name            string `json:"name,omitempty" protobuf:"bytes,1,opt,name=name,proto3"`
	AppsetNamespace string `json:"appsetNamespace,omitempty" protobuf:"bytes,2,opt,name=appsetNamespace,proto3"`
}

// ApplicationSetGenerateRequest asks for Generate.
type ApplicationSetGenerateRequest struct {
	ApplicationSet *v1alpha1.ApplicationSet `json:"applicationSet,omitempty" protobuf:"bytes,1,opt,name=applicationSet"`
}

// ApplicationSetGenerateResponse answers Generate.
type ApplicationSetGenerateResponse struct {
	Applications []v1alpha1.Application `json:"applications,omitempty" protobuf:"bytes,1,rep,name=applications"`
}
