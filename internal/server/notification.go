package server

import (
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

func (s *server) notificationMethods() []method {
	const notifications = "notification.NotificationService/"
	return []method{
		unary(notifications+"ListTriggers", loggedIn[argocd.TriggersListRequest](), s.listTriggers),
		unary(notifications+"ListServices", loggedIn[argocd.ServicesListRequest](), s.listServices),
		unary(notifications+"ListTemplates", loggedIn[argocd.TemplatesListRequest](), s.listTemplates),
	}
}

// What notifications there are is told by name only, to everybody who is logged in, as in Argo CD: people choose from
// the names when they subscribe.

func (s *server) listTriggers(*call, *argocd.TriggersListRequest) (*argocd.TriggerList, error) {
	list := &argocd.TriggerList{Items: []argocd.Trigger{}}
	for _, name := range s.Catalog.Notifications("trigger") {
		list.Items = append(list.Items, argocd.Trigger{Name: name})
	}
	return list, nil
}

func (s *server) listServices(*call, *argocd.ServicesListRequest) (*argocd.ServiceList, error) {
	list := &argocd.ServiceList{Items: []argocd.Service{}}
	for _, name := range s.Catalog.Notifications("service") {
		list.Items = append(list.Items, argocd.Service{Name: name})
	}
	return list, nil
}

func (s *server) listTemplates(*call, *argocd.TemplatesListRequest) (*argocd.TemplateList, error) {
	list := &argocd.TemplateList{Items: []argocd.Template{}}
	for _, name := range s.Catalog.Notifications("template") {
		list.Items = append(list.Items, argocd.Template{Name: name})
	}
	return list, nil
}
