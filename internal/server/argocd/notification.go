package argocd

// Trigger is part of other messages.
type Trigger struct {
	Name string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
}

// TriggerList answers ListTriggers.
type TriggerList struct {
	Items []Trigger `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
}

// TriggersListRequest asks for ListTriggers.
type TriggersListRequest struct{}

// Service is part of other messages.
type Service struct {
	Name string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
}

// ServiceList answers ListServices.
type ServiceList struct {
	Items []Service `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
}

// ServicesListRequest asks for ListServices.
type ServicesListRequest struct{}

// Template is part of other messages.
type Template struct {
	Name string `json:"name,omitempty" protobuf:"bytes,1,req,name=name"`
}

// TemplateList answers ListTemplates.
type TemplateList struct {
	Items []Template `json:"items,omitempty" protobuf:"bytes,1,rep,name=items"`
}

// TemplatesListRequest asks for ListTemplates.
type TemplatesListRequest struct{}
