package server

import (
	"github.com/hawser-cd/hawser/internal/rbac"
	"github.com/hawser-cd/hawser/internal/server/argocd"
)

// methods is the table of everything that the API can do, each with the rule that it passes first.
func (s *server) methods() []method {
	return concat(s.appMethods(), s.setMethods(), s.identityMethods(), s.settingsMethods(), s.projectMethods(), s.repositoryMethods(), s.repocredsMethods(), s.clusterMethods(),
		s.certificateMethods(), s.gpgkeyMethods(), s.notificationMethods(), s.plumbingMethods())
}

func concat(lists ...[]method) (all []method) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

func (s *server) appMethods() []method {
	const app = "application.ApplicationService/"
	type (
		resources = argocd.ResourcesQuery
		resource  = argocd.ApplicationResourceRequest
		patch     = argocd.ApplicationResourcePatchRequest
		remove    = argocd.ApplicationResourceDeleteRequest
		action    = argocd.ResourceActionRunRequest
		actionV2  = argocd.ResourceActionRunRequestV2
		revision  = argocd.RevisionMetadataQuery
	)
	ofTree := func(q *resources) appRef { return appRef{q.ApplicationName, q.AppNamespace, q.Project} }
	ofResource := func(q *resource) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }
	ofRevision := func(q *revision) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }
	ofUpdate := func(q *argocd.ApplicationUpdateRequest) appRef {
		if q.Application == nil {
			return appRef{}
		}
		return appRef{q.Application.Name, q.Application.Namespace, q.Project}
	}
	return []method{
		unary(app+"List", visible[argocd.ApplicationQuery](rbac.Applications, rbac.Get), s.listApplications),
		stream(app+"Watch", visible[argocd.ApplicationQuery](rbac.Applications, rbac.Get), s.watchApplications),
		unary(app+"Get", onApp(rbac.Get, theApplication), s.getApplication),
		unary(app+"Create", on(rbac.Applications, rbac.Create, newApplication), s.createApplication),
		unary(app+"Validate", onDraft(), s.validateApplication),
		unary(app+"Update", onApp(rbac.Update, ofUpdate), s.updateApplication),
		unary(app+"UpdateSpec", onApp(rbac.Update, func(q *argocd.ApplicationUpdateSpecRequest) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }), s.updateApplicationSpec),
		unary(app+"Patch", onApp(rbac.Update, func(q *argocd.ApplicationPatchRequest) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }), s.patchApplication),
		unary(app+"Delete", onApp(rbac.Delete, func(q *argocd.ApplicationDeleteRequest) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }), s.deleteApplication),
		unary(app+"Sync", onApp(rbac.Sync, func(q *argocd.ApplicationSyncRequest) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }), s.syncApplication),
		unary(app+"PreviewSync", onApp(rbac.Get, func(q *argocd.SyncPreviewRequest) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }), s.previewSync),
		unary(app+"Rollback", onRollback(), s.rollback),
		unary(app+"TerminateOperation", onApp(rbac.Sync, func(q *argocd.OperationTerminateRequest) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }), s.terminate),

		unary(app+"ManagedResources", onApp(rbac.Get, ofTree), s.managedResources),
		unary(app+"ResourceTree", onApp(rbac.Get, ofTree), s.resourceTree),
		stream(app+"WatchResourceTree", onApp(rbac.Get, ofTree), s.watchResourceTree),
		unary(app+"ServerSideDiff", onApp(rbac.Get, func(q *argocd.ApplicationServerSideDiffQuery) appRef {
			return appRef{q.AppName, q.AppNamespace, q.Project}
		}), s.serverSideDiff),
		unary(app+"GetManifests", onApp(rbac.Get, func(q *argocd.ApplicationManifestQuery) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }), s.manifests),
		upload(app+"GetManifestsWithFiles", onApp(rbac.Get, theLocalApplication), s.localManifests),
		unary(app+"GetApplicationSyncWindows", onApp(rbac.Get, func(q *argocd.ApplicationSyncWindowsQuery) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }), s.syncWindows),
		unary(app+"RevisionMetadata", onApp(rbac.Get, ofRevision), s.revisionMetadata),
		unary(app+"RevisionChartDetails", onApp(rbac.Get, ofRevision), s.revisionChartDetails),
		unary(app+"GetOCIMetadata", onApp(rbac.Get, ofRevision), s.ociMetadata),
		unary(app+"ListResourceEvents", onApp(rbac.Get, func(q *argocd.ApplicationResourceEventsQuery) appRef {
			return appRef{q.Name, q.AppNamespace, q.Project}
		}), s.applicationEvents),
		unary(app+"ListLinks", onApp(rbac.Get, func(q *argocd.ListAppLinksRequest) appRef { return appRef{q.Name, q.Namespace, q.Project} }), s.applicationLinks),
		unary(app+"ListResourceLinks", onApp(rbac.Get, ofResource), s.resourceLinks),

		unary(app+"Why", onApp(rbac.Get, func(q *argocd.WhyQuery) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }), s.why),
		unary(app+"Commits", onApp(rbac.Get, func(q *argocd.CommitsQuery) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }), s.commits),

		unary(app+"GetResource", onApp(rbac.Get, ofResource), s.getResource),
		unary(app+"PatchResource", onPartOfApp(rbac.Update, func(q *patch) appRef { return appRef{q.Name, q.AppNamespace, q.Project} },
			func(q *patch) rbac.Kind {
				return rbac.Kind{Group: q.Group, Kind: q.Kind, Namespace: q.Namespace, Name: q.ResourceName}
			}), s.patchResource),
		unary(app+"DeleteResource", onPartOfApp(rbac.Delete, func(q *remove) appRef { return appRef{q.Name, q.AppNamespace, q.Project} },
			func(q *remove) rbac.Kind {
				return rbac.Kind{Group: q.Group, Kind: q.Kind, Namespace: q.Namespace, Name: q.ResourceName}
			}), s.deleteResource),
		unary(app+"ListResourceActions", onApp(rbac.Get, ofResource), s.listResourceActions),
		unary(app+"RunResourceAction", onAction(func(q *action) appRef { return appRef{q.Name, q.AppNamespace, q.Project} },
			func(q *action) (string, string, string) { return q.Group, q.Kind, q.Action }), s.runResourceAction),
		unary(app+"RunResourceActionV2", onAction(func(q *actionV2) appRef { return appRef{q.Name, q.AppNamespace, q.Project} },
			func(q *actionV2) (string, string, string) { return q.Group, q.Kind, q.Action }), s.runResourceActionV2),
		stream(app+"PodLogs", onAppWith(rbac.Logs, rbac.Get, func(q *argocd.ApplicationPodLogsQuery) appRef { return appRef{q.Name, q.AppNamespace, q.Project} }), s.podLogs),
	}
}
