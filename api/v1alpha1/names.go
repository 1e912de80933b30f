package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The group and its kinds.
const (
	Group      = "argoproj.io"
	Version    = "v1alpha1"
	APIVersion = Group + "/" + Version

	KindApplication    = "Application"
	KindAppProject     = "AppProject"
	KindApplicationSet = "ApplicationSet"

	ResourceApplications    = "applications"
	ResourceAppProjects     = "appprojects"
	ResourceApplicationSets = "applicationsets"
)

// GroupVersion is argoproj.io/v1alpha1 as apimachinery says it;
// GroupVersion().WithKind and .WithResource complete it.
func GroupVersion() schema.GroupVersion { return schema.GroupVersion{Group: Group, Version: Version} }

// AddToScheme registers the kinds and their lists.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion(),
		&Application{}, &ApplicationList{},
		&AppProject{}, &AppProjectList{},
		&ApplicationSet{}, &ApplicationSetList{})
	metav1.AddToGroupVersion(s, GroupVersion())
	return nil
}

// Well-known values.
const (
	// DefaultProject applies to applications that name no project.
	DefaultProject = "default"
	// InClusterServer and InClusterName are the cluster that we run in.
	InClusterServer = "https://kubernetes.default.svc"
	InClusterName   = "in-cluster"
	// DefaultRevisionHistoryLimit counts for an absent spec.revisionHistoryLimit.
	DefaultRevisionHistoryLimit = 10
	// DefaultFieldManager is Argo CD's name in managedFields. We use the same, so
	// that we own what it applied before us and a change of system is no conflict.
	DefaultFieldManager = "argocd-controller"
	// ActionFieldManager is the name for what people do through the API, such as a
	// restart: Argo CD's API server writes under it. It is no person's tool, so
	// what it adds where Git is silent stays.
	ActionFieldManager = "argocd-server"
)

// What counts for the empty fields of a [Backoff].
const (
	DefaultBackoffDuration    = "5s"
	DefaultBackoffFactor      = 2
	DefaultBackoffMaxDuration = "3m"
)

// SyncStatusCode says whether live equals desired, for an object and for an application.
type SyncStatusCode string

const (
	SyncStatusSynced    SyncStatusCode = "Synced"
	SyncStatusOutOfSync SyncStatusCode = "OutOfSync"
	// SyncStatusUnknown means that we could not tell; the conditions say why.
	SyncStatusUnknown SyncStatusCode = "Unknown"
)

// HealthStatusCode says whether an object does its work.
type HealthStatusCode string

const (
	HealthStatusHealthy     HealthStatusCode = "Healthy"
	HealthStatusProgressing HealthStatusCode = "Progressing"
	HealthStatusDegraded    HealthStatusCode = "Degraded"
	HealthStatusSuspended   HealthStatusCode = "Suspended"
	HealthStatusMissing     HealthStatusCode = "Missing"
	HealthStatusUnknown     HealthStatusCode = "Unknown"
)

// OperationPhase is how far an operation, or a hook of it, has come.
type OperationPhase string

const (
	OperationRunning     OperationPhase = "Running"
	OperationTerminating OperationPhase = "Terminating"
	OperationSucceeded   OperationPhase = "Succeeded"
	// OperationFailed: an object or a hook failed. OperationError: we did.
	OperationFailed OperationPhase = "Failed"
	OperationError  OperationPhase = "Error"
)

// ResultCode is how applying or deleting one object ended.
type ResultCode string

const (
	ResultSynced     ResultCode = "Synced"
	ResultSyncFailed ResultCode = "SyncFailed"
	ResultPruned     ResultCode = "Pruned"
	// ResultPruneSkipped: the object is due to go, but may not be pruned.
	ResultPruneSkipped ResultCode = "PruneSkipped"
)

// SyncPhase is a stage of a sync; a failed sync ends with SyncFail.
type SyncPhase string

const (
	SyncPhasePreSync  SyncPhase = "PreSync"
	SyncPhaseSync     SyncPhase = "Sync"
	SyncPhasePostSync SyncPhase = "PostSync"
	SyncPhaseSyncFail SyncPhase = "SyncFail"
)

// HookType is a value of [AnnotationHook]; several may be given, by comma.
type HookType string

const (
	HookPreSync    HookType = "PreSync"
	HookSync       HookType = "Sync"
	HookPostSync   HookType = "PostSync"
	HookSyncFail   HookType = "SyncFail"
	HookSkip       HookType = "Skip"
	HookPreDelete  HookType = "PreDelete"
	HookPostDelete HookType = "PostDelete"
)

// HookDeletePolicy is a value of [AnnotationHookDeletePolicy]; several may be given, by comma.
type HookDeletePolicy string

const (
	HookDeleteHookSucceeded      HookDeletePolicy = "HookSucceeded"
	HookDeleteHookFailed         HookDeletePolicy = "HookFailed"
	HookDeleteBeforeHookCreation HookDeletePolicy = "BeforeHookCreation"
)

// ApplicationConditionType names what a condition is about.
type ApplicationConditionType string

const (
	ConditionDeletionError           ApplicationConditionType = "DeletionError"
	ConditionInvalidSpecError        ApplicationConditionType = "InvalidSpecError"
	ConditionComparisonError         ApplicationConditionType = "ComparisonError"
	ConditionSyncError               ApplicationConditionType = "SyncError"
	ConditionUnknownError            ApplicationConditionType = "UnknownError"
	ConditionSharedResourceWarning   ApplicationConditionType = "SharedResourceWarning"
	ConditionRepeatedResourceWarning ApplicationConditionType = "RepeatedResourceWarning"
	ConditionExcludedResourceWarning ApplicationConditionType = "ExcludedResourceWarning"
	ConditionOrphanedResourceWarning ApplicationConditionType = "OrphanedResourceWarning"
	// ConditionHeldWarning: the application is kept at what a person rolled it back to. (Ours.)
	ConditionHeldWarning ApplicationConditionType = "HeldWarning"
	// ConditionPlaintextSecretWarning: a Secret stands in Git for everybody to read. (Ours.)
	ConditionPlaintextSecretWarning ApplicationConditionType = "PlaintextSecretWarning"
	// ConditionAsleepWarning: the application's workloads are kept at nothing, as AnnotationAsleep asks. (Ours.)
	ConditionAsleepWarning ApplicationConditionType = "AsleepWarning"
	// ConditionFieldContestedWarning: another manager keeps writing a field that Git has; it is left alone. (Ours.)
	ConditionFieldContestedWarning ApplicationConditionType = "FieldContestedWarning"
	// ConditionSynced and ConditionHealthy say with a status what status.sync and
	// status.health say, for kubectl wait. The API does not show them. (Ours.)
	ConditionSynced  ApplicationConditionType = "Synced"
	ConditionHealthy ApplicationConditionType = "Healthy"
	// ConditionSyncWindowWarning: it differs from Git, and a sync window forbids to sync it. (Ours.)
	ConditionSyncWindowWarning ApplicationConditionType = "SyncWindowWarning"
)

// ApplicationSourceType is the kind of renderer that a source asks for.
type ApplicationSourceType string

const (
	SourceTypeDirectory ApplicationSourceType = "Directory"
	SourceTypeKustomize ApplicationSourceType = "Kustomize"
	SourceTypeHelm      ApplicationSourceType = "Helm"
	SourceTypePlugin    ApplicationSourceType = "Plugin"
)

// ResourceHealthSource says where the health of single objects is to be had.
type ResourceHealthSource string

const (
	// ResourceHealthInline: in status.resources. The value is the absent field.
	ResourceHealthInline ResourceHealthSource = ""
	// ResourceHealthAppTree: not in the status; the API server of the product
	// fills it in from the resource tree. The default since Argo CD 3.0.
	ResourceHealthAppTree ResourceHealthSource = "appTree"
)

// HydrateOperationPhase is how far a rendering into a branch has come.
type HydrateOperationPhase string

const (
	HydratePhaseHydrating HydrateOperationPhase = "Hydrating"
	HydratePhaseHydrated  HydrateOperationPhase = "Hydrated"
	HydratePhaseFailed    HydrateOperationPhase = "Failed"
)

// RefreshType is a value of [AnnotationRefresh].
type RefreshType string

const (
	RefreshNormal RefreshType = "normal"
	// RefreshHard drops cached renders as well.
	RefreshHard RefreshType = "hard"
)

// TrackingMethod is a value of application.resourceTrackingMethod in argocd-cm.
type TrackingMethod string

const (
	TrackingAnnotation         TrackingMethod = "annotation"
	TrackingLabel              TrackingMethod = "label"
	TrackingAnnotationAndLabel TrackingMethod = "annotation+label"
)

// The two kinds of a [SyncWindow].
const (
	SyncWindowAllow = "allow"
	SyncWindowDeny  = "deny"
)

// SourceIntegrityGPGMode says which commits need a signature.
type SourceIntegrityGPGMode string

const (
	GPGModeNone   SourceIntegrityGPGMode = "none"
	GPGModeHead   SourceIntegrityGPGMode = "head"
	GPGModeStrict SourceIntegrityGPGMode = "strict"
)

// ApplicationsSyncPolicy says which changes an ApplicationSet makes to its applications.
type ApplicationsSyncPolicy string

const (
	ApplicationsSyncCreateOnly   ApplicationsSyncPolicy = "create-only"
	ApplicationsSyncCreateUpdate ApplicationsSyncPolicy = "create-update"
	ApplicationsSyncCreateDelete ApplicationsSyncPolicy = "create-delete"
	ApplicationsSyncAll          ApplicationsSyncPolicy = "sync"
)

// Values of [ApplicationSetStrategy].
const (
	StrategyAllAtOnce    = "AllAtOnce"
	StrategyRollingSync  = "RollingSync"
	DeletionOrderReverse = "Reverse"
)

// ApplicationSetConditionType names what a condition of an ApplicationSet is about.
type ApplicationSetConditionType string

const (
	AppSetConditionErrorOccurred        ApplicationSetConditionType = "ErrorOccurred"
	AppSetConditionParametersGenerated  ApplicationSetConditionType = "ParametersGenerated"
	AppSetConditionResourcesUpToDate    ApplicationSetConditionType = "ResourcesUpToDate"
	AppSetConditionRolloutProgressing   ApplicationSetConditionType = "RolloutProgressing"
	AppSetConditionInvalidRolloutConfig ApplicationSetConditionType = "InvalidRolloutConfig"
)

// ApplicationSetConditionStatus is whether the statement holds.
type ApplicationSetConditionStatus string

const (
	AppSetConditionTrue    ApplicationSetConditionStatus = "True"
	AppSetConditionFalse   ApplicationSetConditionStatus = "False"
	AppSetConditionUnknown ApplicationSetConditionStatus = "Unknown"
)

// Reasons of an [ApplicationSetCondition].
const (
	AppSetReasonErrorOccurred                    = "ErrorOccurred"
	AppSetReasonApplicationSetUpToDate           = "ApplicationSetUpToDate"
	AppSetReasonParametersGenerated              = "ParametersGenerated"
	AppSetReasonUpdateApplicationError           = "UpdateApplicationError"
	AppSetReasonApplicationParamsGenerationError = "ApplicationGenerationFromParamsError"
	AppSetReasonRenderTemplateParamsError        = "RenderTemplateParamsError"
	AppSetReasonCreateApplicationError           = "CreateApplicationError"
	AppSetReasonDeleteApplicationError           = "DeleteApplicationError"
	AppSetReasonRefreshApplicationError          = "RefreshApplicationError"
	AppSetReasonApplicationValidationError       = "ApplicationValidationError"
	AppSetReasonApplicationSetModified           = "ApplicationSetModified"
	AppSetReasonRolloutComplete                  = "ApplicationSetRolloutComplete"
	AppSetReasonRolloutError                     = "ApplicationSetRolloutError"
	AppSetReasonInvalidRolloutConfig             = "ApplicationSetInvalidRolloutConfig"
	AppSetReasonValidRolloutConfig               = "ApplicationSetValidRolloutConfig"
)

// ProgressiveSyncStatusCode is how far an application has come in a RollingSync.
type ProgressiveSyncStatusCode string

const (
	ProgressiveSyncWaiting     ProgressiveSyncStatusCode = "Waiting"
	ProgressiveSyncPending     ProgressiveSyncStatusCode = "Pending"
	ProgressiveSyncProgressing ProgressiveSyncStatusCode = "Progressing"
	ProgressiveSyncHealthy     ProgressiveSyncStatusCode = "Healthy"
)

// Annotations of an Application or ApplicationSet.
const (
	// AnnotationRefresh asks for a refresh ([RefreshType]); it is removed when
	// the refresh has been done, and API clients wait for that.
	AnnotationRefresh          = "argocd.argoproj.io/refresh"
	AnnotationRefreshTimestamp = "argocd.argoproj.io/refresh-timestamp"
	AnnotationHydrate          = "argocd.argoproj.io/hydrate"
	AnnotationHydrateTimestamp = "argocd.argoproj.io/hydrate-timestamp"
	// AnnotationAppSetRefresh asks an ApplicationSet to generate now ("true").
	AnnotationAppSetRefresh = "argocd.argoproj.io/application-set-refresh"
	// AnnotationManifestGeneratePaths lists the paths that matter, separated by
	// `;`, relative to the source's path or from the root with a leading slash.
	AnnotationManifestGeneratePaths = "argocd.argoproj.io/manifest-generate-paths"
	// AnnotationSkipReconcile: "true" freezes an application or a cluster.
	AnnotationSkipReconcile = "argocd.argoproj.io/skip-reconcile"
	// AnnotationDeletionApproved holds the time at which a person confirmed what
	// Prune=confirm and Delete=confirm ask about.
	AnnotationDeletionApproved = "argocd.argoproj.io/deletion-approved"
	AnnotationManagedByURL     = "argocd.argoproj.io/managed-by-url"
)

// AnnotationHold on an Application says, as JSON, what a person rolled it back to, and instead of which commits: it
// follows that, and not its branch. (Ours.)
const AnnotationHold = "hawser.dev/hold"

// Annotations about secrets and values. They are none of spec's fields because Argo CD's CustomResourceDefinitions prune
// what they do not know. (Ours.)
const (
	// AnnotationValuesFrom, on an Application, lists ConfigMaps and Secrets from which charts get values, as
	// spec.valuesFrom of Flux's HelmRelease does.
	AnnotationValuesFrom = "hawser.dev/values-from"
	// AnnotationPostBuild, on an Application, holds the variables that are replaced in kustomized and plain manifests, as
	// spec.postBuild of Flux's Kustomization does.
	AnnotationPostBuild = "hawser.dev/post-build"
	// AnnotationPermitValuesFrom, on an AppProject, lists what its applications may take values from.
	AnnotationPermitValuesFrom = "hawser.dev/permit-values-from"
	// AnnotationPlaintextSecrets, on an AppProject, says what becomes of Secrets that stand in Git for everybody to read:
	// allow, warn or deny.
	AnnotationPlaintextSecrets = "hawser.dev/plaintext-secrets"
	// AnnotationPlaintextSecretsExcept, on an AppProject, lists those that are left out of that: namespace/name or
	// namespace/name:key, each a glob.
	AnnotationPlaintextSecretsExcept = "hawser.dev/plaintext-secrets-except"
)

// AnnotationAsleep on an Application keeps its workloads at nothing, whatever Git says; its value is since when, or true.
// Without it, empty or false, they run. (Ours.)
const AnnotationAsleep = "hawser.dev/asleep"

// Annotations of deployed objects.
const (
	// AnnotationTrackingID is our mark: `<app>:<group>/<kind>:<namespace>/<name>`.
	AnnotationTrackingID     = "argocd.argoproj.io/tracking-id"
	AnnotationInstallationID = "argocd.argoproj.io/installation-id"

	// AnnotationSyncOptions and AnnotationCompareOptions hold Name=value, by comma.
	AnnotationSyncOptions      = "argocd.argoproj.io/sync-options"
	AnnotationCompareOptions   = "argocd.argoproj.io/compare-options"
	AnnotationSyncWave         = "argocd.argoproj.io/sync-wave"
	AnnotationHook             = "argocd.argoproj.io/hook"
	AnnotationHookDeletePolicy = "argocd.argoproj.io/hook-delete-policy"

	// Helm's hooks are mapped to ours when a chart is rendered.
	AnnotationHelmHook             = "helm.sh/hook"
	AnnotationHelmHookWeight       = "helm.sh/hook-weight"
	AnnotationHelmHookDeletePolicy = "helm.sh/hook-delete-policy"
	AnnotationHelmResourcePolicy   = "helm.sh/resource-policy"

	AnnotationIgnoreHealthCheck     = "argocd.argoproj.io/ignore-healthcheck"
	AnnotationIgnoreRestartPolicy   = "argocd.argoproj.io/ignore-restart-policy"
	AnnotationIgnoreResourceUpdates = "argocd.argoproj.io/ignore-resource-updates"
	// AnnotationClientSideApplyMigrationManager names the manager whose fields we
	// take over, if it is not kubectl-client-side-apply.
	AnnotationClientSideApplyMigrationManager = "argocd.argoproj.io/client-side-apply-migration-manager"
	// AnnotationLinkPrefix is followed by the title of a link to show.
	AnnotationLinkPrefix = "link.argocd.argoproj.io/"
	// AnnotationIgnoreDefaultLinks: "true" hides the links derived from an Ingress or Service.
	AnnotationIgnoreDefaultLinks = "argocd.argoproj.io/ignore-default-links"
)

// Labels, and the values of [LabelSecretType].
const (
	// LabelAppInstance is the tracking label unless argocd-cm names another.
	LabelAppInstance = "app.kubernetes.io/instance"
	LabelPartOf      = "app.kubernetes.io/part-of"

	LabelSecretType               = "argocd.argoproj.io/secret-type"
	SecretTypeCluster             = "cluster"
	SecretTypeRepository          = "repository"
	SecretTypeRepositoryWrite     = "repository-write"
	SecretTypeRepoCreds           = "repo-creds"
	SecretTypeRepoWriteCreds      = "repo-write-creds"
	SecretTypeSCMCreds            = "scm-creds"
	LabelAutoLabelClusterInfo     = "argocd.argoproj.io/auto-label-cluster-info"
	LabelClusterKubernetesVersion = "argocd.argoproj.io/kubernetes-version"
)

// AnnotationManagedBy with ManagedByArgoCD marks Secrets that the API made.
const (
	AnnotationManagedBy = "managed-by"
	ManagedByArgoCD     = "argocd.argoproj.io"
)

// Finalizers. The one for resources may carry a propagation policy, those for
// hooks a second stage, behind a slash.
const (
	FinalizerResources           = "resources-finalizer.argocd.argoproj.io"
	FinalizerResourcesForeground = FinalizerResources + "/foreground"
	FinalizerResourcesBackground = FinalizerResources + "/background"
	FinalizerPreDelete           = "pre-delete-finalizer.argocd.argoproj.io"
	FinalizerPostDelete          = "post-delete-finalizer.argocd.argoproj.io"
	FinalizerStageCleanup        = "cleanup"
	// FinalizerMisspelt is what a Backstage plugin writes for [FinalizerResources]. It asks for nothing, and nobody else
	// would take it away.
	FinalizerMisspelt = "resources-finalizers.argocd.argoproj.io"
	// FinalizerHook holds a hook until its result has been seen.
	FinalizerHook = "argocd.argoproj.io/hook-finalizer"
)

// Names of options in syncPolicy.syncOptions and [AnnotationSyncOptions], which
// are written Name=value. Values are true and false unless said otherwise.
const (
	SyncOptionApplyOutOfSyncOnly          = "ApplyOutOfSyncOnly"
	SyncOptionClientSideApplyMigration    = "ClientSideApplyMigration"
	SyncOptionCreateNamespace             = "CreateNamespace"
	SyncOptionDelete                      = "Delete" // false or confirm
	SyncOptionFailOnSharedResource        = "FailOnSharedResource"
	SyncOptionForce                       = "Force"
	SyncOptionPrune                       = "Prune" // false or confirm
	SyncOptionPruneLast                   = "PruneLast"
	SyncOptionPrunePropagationPolicy      = "PrunePropagationPolicy" // foreground, background or orphan
	SyncOptionReplace                     = "Replace"
	SyncOptionRespectIgnoreDifferences    = "RespectIgnoreDifferences"
	SyncOptionServerSideApply             = "ServerSideApply"
	SyncOptionSkipDryRunOnMissingResource = "SkipDryRunOnMissingResource"
	SyncOptionValidate                    = "Validate"
	CompareOptionIgnoreExtraneous         = "IgnoreExtraneous" // needs no value
	CompareOptionServerSideDiff           = "ServerSideDiff"
	CompareOptionIncludeMutationWebhook   = "IncludeMutationWebhook"
)

// Reasons of the Kubernetes events about applications; exporters compare them.
const (
	EventStatusRefreshed    = "StatusRefreshed"
	EventResourceCreated    = "ResourceCreated"
	EventResourceUpdated    = "ResourceUpdated"
	EventResourceDeleted    = "ResourceDeleted"
	EventResourceActionRan  = "ResourceActionRan"
	EventOperationStarted   = "OperationStarted"
	EventOperationCompleted = "OperationCompleted"
)
