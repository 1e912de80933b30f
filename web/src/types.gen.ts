// Written by `make golden` from the messages of the API (internal/server/typescript_test.go). Do not edit.

export interface AWSAuthConfig {
  clusterName?: string;
  profile?: string;
  roleARN?: string;
}

export interface Account {
  capabilities?: string[];
  enabled?: boolean;
  name?: string;
  tokens?: AccountToken[];
}

export interface AccountEmptyResponse {
}

export interface AccountToken {
  expiresAt?: number;
  id?: string;
  issuedAt?: number;
}

export interface AccountsList {
  items?: Account[];
}

export interface AgentRegistered {
  server?: string;
  token?: string;
}

export interface AgentRegistration {
  certificate?: string;
  labels?: Record<string, string>;
  name?: string;
  project?: string;
  renew?: boolean;
}

export interface AppInfo {
  path?: string;
  type?: string;
}

export interface ApplicationCounts {
  failed?: number;
  health?: Record<string, number>;
  running?: number;
  sync?: Record<string, number>;
  total?: number;
}

export interface ApplicationCreateRequest {
  application?: Application;
  upsert?: boolean;
  validate?: boolean;
}

export interface ApplicationDeleteRequest {
  appNamespace?: string;
  cascade?: boolean;
  name?: string;
  project?: string;
  propagationPolicy?: string;
}

export interface ApplicationFleet {
  cluster?: Record<string, number>;
  counts?: ApplicationCounts;
  label?: Record<string, number>;
  namespace?: Record<string, number>;
  operation?: Record<string, number>;
  owner?: Record<string, number>;
  project?: Record<string, number>;
  repo?: Record<string, number>;
}

export interface ApplicationManifestQuery {
  appNamespace?: string;
  name?: string;
  noCache?: boolean;
  project?: string;
  revision?: string;
  revisions?: string[];
  sourcePositions?: number[];
}

export interface ApplicationManifestQueryWithFiles {
  appNamespace?: string;
  checksum?: string;
  name?: string;
  project?: string;
}

export interface ApplicationManifestQueryWithFilesWrapper {
  chunk?: FileChunk;
  query?: ApplicationManifestQueryWithFiles;
}

export interface ApplicationPage {
  apiVersion?: string;
  commits?: Record<string, RevisionMetadata>;
  counts?: ApplicationCounts;
  fleet?: ApplicationFleet;
  items?: Application[];
  kind?: string;
  metadata?: V1ListMeta;
}

export interface ApplicationPatchRequest {
  appNamespace?: string;
  name?: string;
  patch?: string;
  patchType?: string;
  project?: string;
}

export interface ApplicationPodLogsQuery {
  appNamespace?: string;
  container?: string;
  filter?: string;
  follow?: boolean;
  group?: string;
  kind?: string;
  matchCase?: boolean;
  name?: string;
  namespace?: string;
  podName?: string;
  previous?: boolean;
  project?: string;
  resourceName?: string;
  sinceSeconds?: number;
  sinceTime?: string;
  tailLines?: number;
  untilTime?: string;
}

export interface ApplicationQuery {
  appNamespace?: string;
  cluster?: string[];
  commits?: boolean;
  counts?: boolean;
  fleet?: boolean;
  health?: string[];
  limit?: number;
  name?: string;
  namespace?: string[];
  offset?: number;
  operation?: string[];
  owner?: string[];
  project?: string[];
  projects?: string[];
  refresh?: string;
  repo?: string;
  repos?: string[];
  resourceVersion?: string;
  search?: string;
  selector?: string;
  sort?: string;
  sync?: string[];
}

export interface ApplicationResourceDeleteRequest {
  appNamespace?: string;
  force?: boolean;
  group?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  orphan?: boolean;
  project?: string;
  resourceName?: string;
  version?: string;
}

export interface ApplicationResourceEventsQuery {
  appNamespace?: string;
  name?: string;
  project?: string;
  resourceName?: string;
  resourceNamespace?: string;
  resourceUID?: string;
}

export interface ApplicationResourcePatchRequest {
  appNamespace?: string;
  group?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  patch?: string;
  patchType?: string;
  project?: string;
  resourceName?: string;
  version?: string;
}

export interface ApplicationResourceRequest {
  appNamespace?: string;
  group?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  project?: string;
  resourceName?: string;
  version?: string;
}

export interface ApplicationResourceResponse {
  manifest?: string;
}

export interface ApplicationResponse {
}

export interface ApplicationRollbackRequest {
  appNamespace?: string;
  dryRun?: boolean;
  id?: number;
  name?: string;
  project?: string;
  prune?: boolean;
}

export interface ApplicationServerSideDiffQuery {
  appName?: string;
  appNamespace?: string;
  liveResources?: ResourceDiff[];
  project?: string;
  targetManifests?: string[];
}

export interface ApplicationServerSideDiffResponse {
  items?: ResourceDiff[];
  modified?: boolean;
}

export interface ApplicationSetCreateRequest {
  applicationset?: ApplicationSet;
  dryRun?: boolean;
  upsert?: boolean;
}

export interface ApplicationSetDeleteRequest {
  appsetNamespace?: string;
  name?: string;
}

export interface ApplicationSetGenerateRequest {
  applicationSet?: ApplicationSet;
}

export interface ApplicationSetGenerateResponse {
  applications?: Application[];
}

export interface ApplicationSetGetQuery {
  appsetNamespace?: string;
  name?: string;
}

export interface ApplicationSetListQuery {
  appsetNamespace?: string;
  projects?: string[];
  selector?: string;
}

export interface ApplicationSetResponse {
  applicationset?: ApplicationSet;
  project?: string;
}

export interface ApplicationSetTree {
  nodes?: ResourceNode[];
}

export interface ApplicationSetTreeQuery {
  appsetNamespace?: string;
  name?: string;
}

export interface ApplicationSetWatchEvent {
  applicationSet?: ApplicationSet;
  type?: string;
}

export interface ApplicationSetWatchQuery {
  appSetNamespace?: string;
  name?: string;
  projects?: string[];
  resourceVersion?: string;
  selector?: string;
}

export interface ApplicationSyncRequest {
  appNamespace?: string;
  dryRun?: boolean;
  infos?: Info[];
  manifests?: string[];
  name?: string;
  project?: string;
  prune?: boolean;
  resources?: SyncOperationResource[];
  retryStrategy?: RetryStrategy;
  revision?: string;
  revisions?: string[];
  sourcePositions?: number[];
  strategy?: SyncStrategy;
  syncOptions?: SyncOptions;
}

export interface ApplicationSyncWindow {
  duration?: string;
  kind?: string;
  manualSync?: boolean;
  schedule?: string;
}

export interface ApplicationSyncWindowsQuery {
  appNamespace?: string;
  name?: string;
  project?: string;
}

export interface ApplicationSyncWindowsResponse {
  activeWindows?: ApplicationSyncWindow[];
  assignedWindows?: ApplicationSyncWindow[];
  canSync?: boolean;
  changes?: string;
  denied?: string;
}

export interface ApplicationTree {
  hosts?: HostInfo[];
  nodes?: ResourceNode[];
  orphanedNodes?: ResourceNode[];
  shardsCount?: number;
}

export interface ApplicationUpdateRequest {
  application?: Application;
  project?: string;
  validate?: boolean;
}

export interface ApplicationUpdateSpecRequest {
  appNamespace?: string;
  name?: string;
  project?: string;
  spec?: ApplicationSpec;
  validate?: boolean;
}

export interface ApplicationValidateRequest {
  application?: Application;
  change?: boolean;
}

export interface ApplicationValidateResponse {
  findings?: Finding[];
  objects?: DraftObject[];
  sources?: DraftSource[];
}

export interface ApplicationWatchEvent {
  application?: Application;
  type?: string;
}

export interface CanIRequest {
  action?: string;
  resource?: string;
  subresource?: string;
}

export interface CanIResponse {
  value?: string;
}

export interface ChartDetails {
  description?: string;
  home?: string;
  maintainers?: string[];
}

export interface Cluster {
  annotations?: Record<string, string>;
  clusterResources?: boolean;
  config?: ClusterConfig;
  connectionState?: ConnectionState;
  info?: ClusterInfo;
  labels?: Record<string, string>;
  name?: string;
  namespaces?: string[];
  project?: string;
  refreshRequestedAt?: string;
  server?: string;
  serverVersion?: string;
  shard?: number;
}

export interface ClusterCacheInfo {
  apisCount?: number;
  lastCacheSyncTime?: string;
  resourcesCount?: number;
}

export interface ClusterConfig {
  awsAuthConfig?: AWSAuthConfig;
  bearerToken?: string;
  disableCompression?: boolean;
  execProviderConfig?: ExecProviderConfig;
  password?: string;
  proxyUrl?: string;
  tlsClientConfig?: TLSClientConfig;
  username?: string;
}

export interface ClusterCreateRequest {
  cluster?: Cluster;
  upsert?: boolean;
}

export interface ClusterID {
  type?: string;
  value?: string;
}

export interface ClusterInfo {
  apiVersions?: string[];
  applicationsCount?: number;
  cacheInfo?: ClusterCacheInfo;
  connectionState?: ConnectionState;
  serverVersion?: string;
}

export interface ClusterList {
  items?: Cluster[];
  metadata?: V1ListMeta;
}

export interface ClusterQuery {
  id?: ClusterID;
  name?: string;
  server?: string;
}

export interface ClusterResponse {
}

export interface ClusterUpdateRequest {
  cluster?: Cluster;
  id?: ClusterID;
  updatedFields?: string[];
}

export interface Command {
  args?: string[];
  command?: string[];
}

export interface CommitMetadata {
  author?: string;
  body?: string;
  date?: string;
  repoUrl?: string;
  sha?: string;
  subject?: string;
}

export interface CommitsQuery {
  appNamespace?: string;
  from?: string;
  group?: string;
  kind?: string;
  limit?: number;
  name?: string;
  namespace?: string;
  project?: string;
  resourceName?: string;
  sourceIndex?: number;
  to?: string;
}

export interface CommitsResponse {
  items?: WhyCommit[];
  more?: boolean;
}

export interface ConfigManagementPlugin {
  generate?: Command;
  init?: Command;
  lockRepo?: boolean;
  name?: string;
}

export interface ConnectionState {
  attemptedAt?: string;
  message?: string;
  status?: string;
}

export interface CreateTokenRequest {
  expiresIn?: number;
  id?: string;
  name?: string;
}

export interface CreateTokenResponse {
  token?: string;
}

export interface DeleteTokenRequest {
  id?: string;
  name?: string;
}

export interface DetailedProjectsResponse {
  clusters?: Cluster[];
  globalProjects?: AppProject[];
  project?: AppProject;
  repositories?: Repository[];
}

export interface DexConfig {
  connectors?: SettingsConnector[];
  dexAuthConnectorID?: string;
}

export interface DirectoryAppSpec {
}

export interface DraftObject {
  group?: string;
  hook?: boolean;
  kind?: string;
  name?: string;
  namespace?: string;
  refused?: string;
  sharedWith?: string;
  source?: number;
}

export interface DraftSource {
  details?: RepoAppDetailsResponse;
  problem?: string;
  revision?: string;
  type?: string;
}

export interface Empty {
}

export interface ExecProviderConfig {
  apiVersion?: string;
  args?: string[];
  command?: string;
  config?: unknown;
  env?: Record<string, string>;
  installHint?: string;
  provideClusterInfo?: boolean;
}

export interface FieldChange {
  git?: string;
  kind?: string;
  live?: string;
  manager?: string;
  ours?: boolean;
  path?: string;
  time?: string;
}

export interface FileChunk {
  chunk?: string;
}

export interface Finding {
  field?: string;
  message?: string;
  warning?: boolean;
}

export interface GetAccountRequest {
  name?: string;
}

export interface GetUserInfoRequest {
}

export interface GetUserInfoResponse {
  groups?: string[];
  iss?: string;
  loggedIn?: boolean;
  username?: string;
}

export interface GlobalProjectsResponse {
  items?: AppProject[];
}

export interface GnuPGPublicKey {
  fingerprint?: string;
  keyData?: string;
  keyID?: string;
  owner?: string;
  subType?: string;
  trust?: string;
}

export interface GnuPGPublicKeyCreateRequest {
  publickey?: GnuPGPublicKey;
  upsert?: boolean;
}

export interface GnuPGPublicKeyCreateResponse {
  created?: GnuPGPublicKeyList;
  skipped?: string[];
}

export interface GnuPGPublicKeyList {
  items?: GnuPGPublicKey[];
  metadata?: V1ListMeta;
}

export interface GnuPGPublicKeyQuery {
  keyID?: string;
}

export interface GnuPGPublicKeyResponse {
}

export interface GoogleAnalyticsConfig {
  anonymizeUsers?: boolean;
  trackingID?: string;
}

export interface HelmAppSpec {
  fileParameters?: HelmFileParameter[];
  name?: string;
  parameters?: HelmParameter[];
  valueFiles?: string[];
  values?: string;
}

export interface HelmChart {
  name?: string;
  versions?: string[];
}

export interface HelmChartsResponse {
  items?: HelmChart[];
}

export interface HostInfo {
  labels?: Record<string, string>;
  name?: string;
  resourcesInfo?: HostResourceInfo[];
  systemInfo?: V1NodeSystemInfo;
}

export interface HostResourceInfo {
  capacity?: number;
  requestedByApp?: number;
  requestedByNeighbors?: number;
  resourceName?: string;
}

export interface InfoItem {
  name?: string;
  value?: string;
}

export interface KnownTypeField {
  field?: string;
  type?: string;
}

export interface KustomizeAppSpec {
  images?: string[];
}

export interface KustomizeOptions {
  BinaryPath?: string;
  BuildOptions?: string;
  Versions?: KustomizeVersion[];
}

export interface KustomizeVersion {
  BuildOptions?: string;
  Name?: string;
  Path?: string;
}

export interface LinkInfo {
  description?: string;
  iconClass?: string;
  title?: string;
  url?: string;
}

export interface LinksResponse {
  items?: LinkInfo[];
}

export interface ListAccountRequest {
}

export interface ListAppLinksRequest {
  name?: string;
  namespace?: string;
  project?: string;
}

export interface ListProjectLinksRequest {
  name?: string;
}

export interface LogEntry {
  container?: string;
  content?: string;
  last?: boolean;
  podName?: string;
  timeStamp?: string;
  timeStampStr?: string;
}

export interface ManagedResourcesResponse {
  items?: ResourceDiff[];
}

export interface ManifestResponse {
  commands?: string[];
  manifests?: string[];
  namespace?: string;
  revision?: string;
  server?: string;
  sourceIntegrityResult?: SourceIntegrityCheckResult;
  sourceType?: string;
  verifyResult?: string;
}

export interface OCIMetadata {
  authors?: string;
  createdAt?: string;
  description?: string;
  docsUrl?: string;
  imageUrl?: string;
  sourceUrl?: string;
  version?: string;
}

export interface OIDCClaim {
  essential?: boolean;
  value?: string;
  values?: string[];
}

export interface OIDCConfig {
  cliClientID?: string;
  clientID?: string;
  enablePKCEAuthentication?: boolean;
  idTokenClaims?: Record<string, OIDCClaim>;
  issuer?: string;
  name?: string;
  scopes?: string[];
}

export interface OIDCProvider {
  issuer?: string;
  name?: string;
}

export interface OperationTerminateRequest {
  appNamespace?: string;
  name?: string;
  project?: string;
}

export interface OperationTerminateResponse {
}

export interface OverrideIgnoreDiff {
  jqPathExpressions?: string[];
  jsonPointers?: string[];
  managedFieldsManagers?: string[];
}

export interface ParameterAnnouncement {
  array?: string[];
  collectionType?: string;
  itemType?: string;
  map?: Record<string, string>;
  name?: string;
  required?: boolean;
  string?: string;
  title?: string;
  tooltip?: string;
}

export interface PluginAppSpec {
  parametersAnnouncement?: ParameterAnnouncement[];
}

export interface ProjectCreateRequest {
  project?: AppProject;
  upsert?: boolean;
}

export interface ProjectEmptyResponse {
}

export interface ProjectQuery {
  name?: string;
}

export interface ProjectTokenCreateRequest {
  description?: string;
  expiresIn?: number;
  id?: string;
  project?: string;
  role?: string;
}

export interface ProjectTokenDeleteRequest {
  iat?: number;
  id?: string;
  project?: string;
  role?: string;
}

export interface ProjectTokenResponse {
  token?: string;
}

export interface ProjectUpdateRequest {
  project?: AppProject;
}

export interface Refs {
  branches?: string[];
  tags?: string[];
}

export interface RepoAccessQuery {
  azureActiveDirectoryEndpoint?: string;
  azureServicePrincipalClientId?: string;
  azureServicePrincipalClientSecret?: string;
  azureServicePrincipalTenantId?: string;
  bearerToken?: string;
  enableOci?: boolean;
  forceHttpBasicAuth?: boolean;
  gcpServiceAccountKey?: string;
  githubAppEnterpriseBaseUrl?: string;
  githubAppID?: number;
  githubAppInstallationID?: number;
  githubAppPrivateKey?: string;
  insecure?: boolean;
  insecureOciForceHttp?: boolean;
  name?: string;
  password?: string;
  project?: string;
  proxy?: string;
  repo?: string;
  sshPrivateKey?: string;
  tlsClientCertData?: string;
  tlsClientCertKey?: string;
  type?: string;
  useAzureWorkloadIdentity?: boolean;
  username?: string;
}

export interface RepoAppDetailsQuery {
  appName?: string;
  appProject?: string;
  source?: ApplicationSource;
  sourceIndex?: number;
  versionId?: number;
}

export interface RepoAppDetailsResponse {
  directory?: DirectoryAppSpec;
  helm?: HelmAppSpec;
  kustomize?: KustomizeAppSpec;
  plugin?: PluginAppSpec;
  type?: string;
}

export interface RepoAppsQuery {
  appName?: string;
  appProject?: string;
  repo?: string;
  revision?: string;
}

export interface RepoAppsResponse {
  items?: AppInfo[];
}

export interface RepoCreateRequest {
  credsOnly?: boolean;
  repo?: Repository;
  upsert?: boolean;
}

export interface RepoCreds {
  azureActiveDirectoryEndpoint?: string;
  azureServicePrincipalClientId?: string;
  azureServicePrincipalClientSecret?: string;
  azureServicePrincipalTenantId?: string;
  bearerToken?: string;
  enableOCI?: boolean;
  forceHttpBasicAuth?: boolean;
  gcpServiceAccountKey?: string;
  githubAppEnterpriseBaseUrl?: string;
  githubAppID?: number;
  githubAppInstallationID?: number;
  githubAppPrivateKey?: string;
  insecureOCIForceHttp?: boolean;
  noProxy?: string;
  password?: string;
  proxy?: string;
  sshPrivateKey?: string;
  tlsClientCertData?: string;
  tlsClientCertKey?: string;
  type?: string;
  url?: string;
  useAzureWorkloadIdentity?: boolean;
  username?: string;
}

export interface RepoCredsCreateRequest {
  creds?: RepoCreds;
  upsert?: boolean;
}

export interface RepoCredsDeleteRequest {
  url?: string;
}

export interface RepoCredsList {
  items?: RepoCreds[];
  metadata?: V1ListMeta;
}

export interface RepoCredsQuery {
  url?: string;
}

export interface RepoCredsResponse {
}

export interface RepoCredsUpdateRequest {
  creds?: RepoCreds;
}

export interface RepoQuery {
  appProject?: string;
  forceRefresh?: boolean;
  repo?: string;
}

export interface RepoResponse {
}

export interface RepoUpdateRequest {
  repo?: Repository;
}

export interface Repository {
  azureActiveDirectoryEndpoint?: string;
  azureServicePrincipalClientId?: string;
  azureServicePrincipalClientSecret?: string;
  azureServicePrincipalTenantId?: string;
  bearerToken?: string;
  connectionState?: ConnectionState;
  depth?: number;
  enableLfs?: boolean;
  enableOCI?: boolean;
  forceHttpBasicAuth?: boolean;
  gcpServiceAccountKey?: string;
  githubAppEnterpriseBaseUrl?: string;
  githubAppID?: number;
  githubAppInstallationID?: number;
  githubAppPrivateKey?: string;
  inheritedCreds?: boolean;
  insecure?: boolean;
  insecureIgnoreHostKey?: boolean;
  insecureOCIForceHttp?: boolean;
  name?: string;
  noProxy?: string;
  password?: string;
  project?: string;
  proxy?: string;
  repo?: string;
  sshPrivateKey?: string;
  tlsClientCertData?: string;
  tlsClientCertKey?: string;
  type?: string;
  useAzureWorkloadIdentity?: boolean;
  username?: string;
  webhookManifestCacheWarmDisabled?: boolean;
}

export interface RepositoryCertificate {
  certData?: string;
  certInfo?: string;
  certSubType?: string;
  certType?: string;
  serverName?: string;
}

export interface RepositoryCertificateCreateRequest {
  certificates?: RepositoryCertificateList;
  upsert?: boolean;
}

export interface RepositoryCertificateList {
  items?: RepositoryCertificate[];
  metadata?: V1ListMeta;
}

export interface RepositoryCertificateQuery {
  certSubType?: string;
  certType?: string;
  hostNamePattern?: string;
}

export interface RepositoryList {
  items?: Repository[];
  metadata?: V1ListMeta;
}

export interface ResourceAction {
  disabled?: boolean;
  displayName?: string;
  iconClass?: string;
  name?: string;
  params?: ResourceActionParam[];
}

export interface ResourceActionParam {
  name?: string;
}

export interface ResourceActionParameters {
  name?: string;
  value?: string;
}

export interface ResourceActionRunRequest {
  action?: string;
  appNamespace?: string;
  group?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  project?: string;
  resourceName?: string;
  version?: string;
}

export interface ResourceActionRunRequestV2 {
  action?: string;
  appNamespace?: string;
  group?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  project?: string;
  resourceActionParameters?: ResourceActionParameters[];
  resourceName?: string;
  version?: string;
}

export interface ResourceActionsListResponse {
  actions?: ResourceAction[];
}

export interface ResourceDiff {
  changes?: FieldChange[];
  diff?: string;
  group?: string;
  hook?: boolean;
  kind?: string;
  liveState?: string;
  modified?: boolean;
  name?: string;
  namespace?: string;
  normalizedLiveState?: string;
  predictedLiveState?: string;
  problem?: string;
  refused?: string;
  resourceVersion?: string;
  sharedWith?: string;
  targetState?: string;
}

export interface ResourceNetworkingInfo {
  externalURLs?: string[];
  ingress?: V1LoadBalancerIngress[];
  labels?: Record<string, string>;
  targetLabels?: Record<string, string>;
  targetRefs?: ResourceRef[];
}

export interface ResourceNode {
  createdAt?: string;
  group?: string;
  health?: HealthStatus;
  images?: string[];
  info?: InfoItem[];
  kind?: string;
  name?: string;
  namespace?: string;
  networkingInfo?: ResourceNetworkingInfo;
  parentRefs?: ResourceRef[];
  resourceVersion?: string;
  uid?: string;
  version?: string;
}

export interface ResourceOverride {
  Actions?: string;
  HealthLua?: string;
  IgnoreDifferences?: OverrideIgnoreDiff;
  IgnoreResourceUpdates?: OverrideIgnoreDiff;
  KnownTypeFields?: KnownTypeField[];
  UseOpenLibs?: boolean;
}

export interface ResourceRef {
  group?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  uid?: string;
  version?: string;
}

export interface ResourcesQuery {
  appNamespace?: string;
  applicationName?: string;
  group?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  project?: string;
  version?: string;
}

export interface RevisionMetadata {
  author?: string;
  date?: string;
  message?: string;
  references?: RevisionReference[];
  signatureInfo?: string;
  sourceIntegrityResult?: SourceIntegrityCheckResult;
  tags?: string[];
}

export interface RevisionMetadataQuery {
  appNamespace?: string;
  name?: string;
  project?: string;
  revision?: string;
  sourceIndex?: number;
  versionId?: number;
}

export interface RevisionReference {
  commit?: CommitMetadata;
}

export interface Service {
  name?: string;
}

export interface ServiceList {
  items?: Service[];
}

export interface ServicesListRequest {
}

export interface SessionCreateRequest {
  password?: string;
  token?: string;
  username?: string;
}

export interface SessionDeleteRequest {
}

export interface SessionResponse {
  token?: string;
}

export interface Settings {
  additionalUrls?: string[];
  appLabelKey?: string;
  appsInAnyNamespaceEnabled?: boolean;
  configManagementPlugins?: ConfigManagementPlugin[];
  controllerNamespace?: string;
  dexConfig?: DexConfig;
  execEnabled?: boolean;
  googleAnalytics?: GoogleAnalyticsConfig;
  help?: SettingsHelp;
  hydratorEnabled?: boolean;
  impersonationEnabled?: boolean;
  installationID?: string;
  kustomizeOptions?: KustomizeOptions;
  kustomizeVersions?: string[];
  oidcConfig?: OIDCConfig;
  oidcProviders?: OIDCProvider[];
  passwordPattern?: string;
  plugins?: SettingsPlugin[];
  resourceOverrides?: Record<string, ResourceOverride>;
  resourceViewEnabled?: boolean;
  statusBadgeEnabled?: boolean;
  statusBadgeRootUrl?: string;
  syncWithReplaceAllowed?: boolean;
  trackingMethod?: string;
  uiBannerContent?: string;
  uiBannerPermanent?: boolean;
  uiBannerPosition?: string;
  uiBannerURL?: string;
  uiCssURL?: string;
  uiLoginButtonText?: string;
  url?: string;
  userLoginsDisabled?: boolean;
}

export interface SettingsConnector {
  id?: string;
  name?: string;
  type?: string;
}

export interface SettingsHelp {
  binaryUrls?: Record<string, string>;
  chatText?: string;
  chatUrl?: string;
}

export interface SettingsPlugin {
  name?: string;
}

export interface SettingsPluginsResponse {
  plugins?: SettingsPlugin[];
}

export interface SettingsQuery {
}

export interface SourceIntegrityCheckResult {
  Checks?: SourceIntegrityCheckResultItem[];
}

export interface SourceIntegrityCheckResultItem {
  Name?: string;
  Problems?: string[];
}

export interface SyncOptions {
  items?: string[];
}

export interface SyncPreview {
  phases?: SyncPreviewPhase[];
  revision?: string;
  revisions?: string[];
  warnings?: SyncPreviewWarning[];
}

export interface SyncPreviewPhase {
  phase?: string;
  waves?: SyncPreviewWave[];
}

export interface SyncPreviewRequest {
  appNamespace?: string;
  check?: boolean;
  dryRun?: boolean;
  name?: string;
  project?: string;
  prune?: boolean;
  resources?: SyncOperationResource[];
  revision?: string;
  revisions?: string[];
  sourcePositions?: number[];
  strategy?: SyncStrategy;
  syncOptions?: SyncOptions;
}

export interface SyncPreviewStep {
  action?: string;
  fieldCount?: number;
  fields?: string[];
  group?: string;
  hook?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  problem?: string;
  reason?: string;
}

export interface SyncPreviewWarning {
  blocks?: boolean;
  message?: string;
  type?: string;
  until?: string;
}

export interface SyncPreviewWave {
  steps?: SyncPreviewStep[];
  wave?: string;
}

export interface SyncWindowsQuery {
  name?: string;
}

export interface SyncWindowsResponse {
  windows?: SyncWindow[];
}

export interface TLSClientConfig {
  caData?: string;
  certData?: string;
  insecure?: boolean;
  keyData?: string;
  serverName?: string;
}

export interface Template {
  name?: string;
}

export interface TemplateList {
  items?: Template[];
}

export interface TemplatesListRequest {
}

export interface Trigger {
  name?: string;
}

export interface TriggerList {
  items?: Trigger[];
}

export interface TriggersListRequest {
}

export interface UpdatePasswordRequest {
  currentPassword?: string;
  name?: string;
  newPassword?: string;
}

export interface UpdatePasswordResponse {
}

export interface VersionMessage {
  BuildDate?: string;
  Compiler?: string;
  ExtraBuildInfo?: string;
  GitCommit?: string;
  GitTag?: string;
  GitTreeState?: string;
  GoVersion?: string;
  HelmVersion?: string;
  JsonnetVersion?: string;
  KubectlVersion?: string;
  KustomizeVersion?: string;
  Platform?: string;
  Version?: string;
}

export interface WhyChange {
  git?: string;
  live?: string;
  manager?: string;
  object?: WhyObject;
  ours?: boolean;
  path?: string;
  time?: string;
}

export interface WhyCommit {
  author?: string;
  date?: string;
  revision?: string;
  subject?: string;
}

export interface WhyFact {
  name?: string;
  text?: string;
  time?: string;
}

export interface WhyObject {
  group?: string;
  kind?: string;
  name?: string;
  namespace?: string;
}

export interface WhyQuery {
  appNamespace?: string;
  name?: string;
  project?: string;
}

export interface WhyResponse {
  commit?: WhyCommit;
  culprit?: WhyCommit;
  differences?: WhyChange[];
  facts?: WhyFact[];
  hint?: string;
  more?: number;
  object?: WhyObject;
  sentence?: string;
  since?: string;
  state?: string;
  words?: WhyWord[];
}

export interface WhyWord {
  commit?: string;
  lasting?: boolean;
  object?: WhyObject;
  text?: string;
  time?: string;
}

export interface ServerHealthAnswer {
  status?: number;
}

export interface ServerHealthQuery {
  service?: string;
}

export interface ServerReflectedFiles {
  fileDescriptorProto?: string[];
}

export interface ServerReflectedList {
  service?: ServerReflectedService[];
}

export interface ServerReflectedService {
  name?: string;
}

export interface ServerReflectionAnswer {
  errorResponse?: ServerReflectionFailed;
  fileDescriptorResponse?: ServerReflectedFiles;
  listServicesResponse?: ServerReflectedList;
  originalRequest?: ServerReflectionQuery;
  validHost?: string;
}

export interface ServerReflectionFailed {
  errorCode?: number;
  errorMessage?: string;
}

export interface ServerReflectionQuery {
  allExtensionNumbersOfType?: string;
  fileByFilename?: string;
  fileContainingSymbol?: string;
  host?: string;
  listServices?: string;
}

export interface V1Event {
  action?: string;
  apiVersion?: string;
  count?: number;
  eventTime?: string;
  firstTimestamp?: string;
  involvedObject?: V1ObjectReference;
  kind?: string;
  lastTimestamp?: string;
  message?: string;
  metadata?: V1ObjectMeta;
  reason?: string;
  related?: V1ObjectReference;
  reportingComponent?: string;
  reportingInstance?: string;
  series?: V1EventSeries;
  source?: V1EventSource;
  type?: string;
}

export interface V1EventList {
  apiVersion?: string;
  items?: V1Event[];
  kind?: string;
  metadata?: V1ListMeta;
}

export interface V1EventSeries {
  count?: number;
  lastObservedTime?: string;
}

export interface V1EventSource {
  component?: string;
  host?: string;
}

export interface V1GroupKind {
  group?: string;
  kind?: string;
}

export interface V1LabelSelector {
  matchExpressions?: V1LabelSelectorRequirement[];
  matchLabels?: Record<string, string>;
}

export interface V1LabelSelectorRequirement {
  key?: string;
  operator?: string;
  values?: string[];
}

export interface V1ListMeta {
  continue?: string;
  remainingItemCount?: number;
  resourceVersion?: string;
  selfLink?: string;
  shardInfo?: V1ShardInfo;
}

export interface V1LoadBalancerIngress {
  hostname?: string;
  ip?: string;
  ipMode?: string;
  ports?: V1PortStatus[];
}

export interface V1ManagedFieldsEntry {
  apiVersion?: string;
  fieldsType?: string;
  fieldsV1?: unknown;
  manager?: string;
  operation?: string;
  subresource?: string;
  time?: string;
}

export interface V1NodeSwapStatus {
  capacity?: number;
}

export interface V1NodeSystemInfo {
  architecture?: string;
  bootID?: string;
  containerRuntimeVersion?: string;
  kernelVersion?: string;
  kubeProxyVersion?: string;
  kubeletVersion?: string;
  machineID?: string;
  operatingSystem?: string;
  osImage?: string;
  runningInUserNamespace?: boolean;
  swap?: V1NodeSwapStatus;
  systemUUID?: string;
}

export interface V1ObjectMeta {
  annotations?: Record<string, string>;
  creationTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  deletionTimestamp?: string;
  finalizers?: string[];
  generateName?: string;
  generation?: number;
  labels?: Record<string, string>;
  managedFields?: V1ManagedFieldsEntry[];
  name?: string;
  namespace?: string;
  ownerReferences?: V1OwnerReference[];
  resourceVersion?: string;
  selfLink?: string;
  uid?: string;
}

export interface V1ObjectReference {
  apiVersion?: string;
  fieldPath?: string;
  kind?: string;
  name?: string;
  namespace?: string;
  resourceVersion?: string;
  uid?: string;
}

export interface V1OwnerReference {
  apiVersion?: string;
  blockOwnerDeletion?: boolean;
  controller?: boolean;
  kind?: string;
  name?: string;
  uid?: string;
}

export interface V1PortStatus {
  error?: string;
  port?: number;
  protocol?: string;
}

export interface V1ShardInfo {
  selector?: string;
}

export interface AppHealthStatus {
  lastTransitionTime?: string;
  message?: string;
  status?: string;
}

export interface AppProject {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: AppProjectSpec;
  status?: AppProjectStatus;
}

export interface AppProjectList {
  apiVersion?: string;
  items?: AppProject[];
  kind?: string;
  metadata?: V1ListMeta;
}

export interface AppProjectSpec {
  clusterResourceBlacklist?: ClusterResourceRestrictionItem[];
  clusterResourceWhitelist?: ClusterResourceRestrictionItem[];
  description?: string;
  destinationServiceAccounts?: ApplicationDestinationServiceAccount[];
  destinations?: ApplicationDestination[];
  namespaceResourceBlacklist?: V1GroupKind[];
  namespaceResourceWhitelist?: V1GroupKind[];
  orphanedResources?: OrphanedResourcesMonitorSettings;
  permitOnlyProjectScopedClusters?: boolean;
  roles?: ProjectRole[];
  signatureKeys?: SignatureKey[];
  sourceIntegrity?: SourceIntegrity;
  sourceNamespaces?: string[];
  sourceRepos?: string[];
  syncWindows?: SyncWindow[];
}

export interface AppProjectStatus {
  jwtTokensByRole?: Record<string, JWTTokens>;
}

export interface Application {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  operation?: Operation;
  spec?: ApplicationSpec;
  status?: ApplicationStatus;
}

export interface ApplicationCondition {
  lastTransitionTime?: string;
  message?: string;
  status?: string;
  type?: string;
}

export interface ApplicationDestination {
  name?: string;
  namespace?: string;
  server?: string;
}

export interface ApplicationDestinationServiceAccount {
  defaultServiceAccount?: string;
  namespace?: string;
  server?: string;
}

export interface ApplicationMatchExpression {
  key?: string;
  operator?: string;
  values?: string[];
}

export interface ApplicationPreservedFields {
  annotations?: string[];
  labels?: string[];
}

export interface ApplicationSet {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
  spec?: ApplicationSetSpec;
  status?: ApplicationSetStatus;
}

export interface ApplicationSetApplicationStatus {
  application?: string;
  lastTransitionTime?: string;
  message?: string;
  status?: string;
  step?: string;
  targetRevisions?: string[];
}

export interface ApplicationSetCondition {
  lastTransitionTime?: string;
  message?: string;
  reason?: string;
  status?: string;
  type?: string;
}

export interface ApplicationSetGenerator {
  clusterDecisionResource?: DuckTypeGenerator;
  clusters?: ClusterGenerator;
  git?: GitGenerator;
  list?: ListGenerator;
  matrix?: MatrixGenerator;
  merge?: MergeGenerator;
  plugin?: PluginGenerator;
  pullRequest?: PullRequestGenerator;
  scmProvider?: SCMProviderGenerator;
  selector?: V1LabelSelector;
}

export interface ApplicationSetList {
  apiVersion?: string;
  items?: ApplicationSet[];
  kind?: string;
  metadata?: V1ListMeta;
}

export interface ApplicationSetNestedGenerator {
  clusterDecisionResource?: DuckTypeGenerator;
  clusters?: ClusterGenerator;
  git?: GitGenerator;
  list?: ListGenerator;
  matrix?: unknown;
  merge?: unknown;
  plugin?: PluginGenerator;
  pullRequest?: PullRequestGenerator;
  scmProvider?: SCMProviderGenerator;
  selector?: V1LabelSelector;
}

export interface ApplicationSetResourceIgnoreDifferences {
  jqPathExpressions?: string[];
  jsonPointers?: string[];
  name?: string;
}

export interface ApplicationSetRolloutStep {
  matchExpressions?: ApplicationMatchExpression[];
  maxUpdate?: number | string;
}

export interface ApplicationSetRolloutStrategy {
  steps?: ApplicationSetRolloutStep[];
}

export interface ApplicationSetSpec {
  applyNestedSelectors?: boolean;
  generators?: ApplicationSetGenerator[];
  goTemplate?: boolean;
  goTemplateOptions?: string[];
  ignoreApplicationDifferences?: ApplicationSetResourceIgnoreDifferences[];
  preservedFields?: ApplicationPreservedFields;
  strategy?: ApplicationSetStrategy;
  syncPolicy?: ApplicationSetSyncPolicy;
  template?: ApplicationSetTemplate;
  templatePatch?: string;
}

export interface ApplicationSetStatus {
  applicationStatus?: ApplicationSetApplicationStatus[];
  conditions?: ApplicationSetCondition[];
  health?: HealthStatus;
  resources?: ResourceStatus[];
  resourcesCount?: number;
}

export interface ApplicationSetStrategy {
  deletionOrder?: string;
  rollingSync?: ApplicationSetRolloutStrategy;
  type?: string;
}

export interface ApplicationSetSyncPolicy {
  applicationsSync?: string;
  preserveResourcesOnDeletion?: boolean;
}

export interface ApplicationSetTemplate {
  metadata?: ApplicationSetTemplateMeta;
  spec?: ApplicationSpec;
}

export interface ApplicationSetTemplateMeta {
  annotations?: Record<string, string>;
  finalizers?: string[];
  labels?: Record<string, string>;
  name?: string;
  namespace?: string;
}

export interface ApplicationSource {
  chart?: string;
  directory?: ApplicationSourceDirectory;
  helm?: ApplicationSourceHelm;
  kustomize?: ApplicationSourceKustomize;
  name?: string;
  path?: string;
  plugin?: ApplicationSourcePlugin;
  ref?: string;
  repoURL?: string;
  tagPrefix?: string;
  targetRevision?: string;
}

export interface ApplicationSourceDirectory {
  disableExtensionFilter?: boolean;
  exclude?: string;
  include?: string;
  jsonnet?: ApplicationSourceJsonnet;
  recurse?: boolean;
}

export interface ApplicationSourceHelm {
  apiVersions?: string[];
  fileParameters?: HelmFileParameter[];
  ignoreMissingValueFiles?: boolean;
  kubeVersion?: string;
  namespace?: string;
  parameters?: HelmParameter[];
  passCredentials?: boolean;
  releaseName?: string;
  skipCrds?: boolean;
  skipSchemaValidation?: boolean;
  skipTests?: boolean;
  valueFiles?: string[];
  values?: string;
  valuesObject?: unknown;
  version?: string;
}

export interface ApplicationSourceJsonnet {
  extVars?: JsonnetVar[];
  libs?: string[];
  tlas?: JsonnetVar[];
}

export interface ApplicationSourceKustomize {
  apiVersions?: string[];
  commonAnnotations?: Record<string, string>;
  commonAnnotationsEnvsubst?: boolean;
  commonLabels?: Record<string, string>;
  components?: string[];
  forceCommonAnnotations?: boolean;
  forceCommonLabels?: boolean;
  ignoreMissingComponents?: boolean;
  images?: string[];
  kubeVersion?: string;
  labelIncludeTemplates?: boolean;
  labelWithoutSelector?: boolean;
  namePrefix?: string;
  nameSuffix?: string;
  namespace?: string;
  patches?: KustomizePatch[];
  replicas?: KustomizeReplica[];
  version?: string;
}

export interface ApplicationSourcePlugin {
  env?: EnvEntry[];
  name?: string;
  parameters?: ApplicationSourcePluginParameter[];
}

export interface ApplicationSourcePluginParameter {
  array?: unknown;
  map?: unknown;
  name?: string;
  string?: string;
}

export interface ApplicationSpec {
  destination?: ApplicationDestination;
  ignoreDifferences?: ResourceIgnoreDifferences[];
  info?: Info[];
  project?: string;
  revisionHistoryLimit?: number;
  source?: ApplicationSource;
  sourceHydrator?: SourceHydrator;
  sources?: ApplicationSource[];
  syncPolicy?: SyncPolicy;
}

export interface ApplicationStatus {
  conditions?: ApplicationCondition[];
  controllerNamespace?: string;
  health?: AppHealthStatus;
  history?: RevisionHistory[];
  observedAt?: string;
  operationState?: OperationState;
  reconciledAt?: string;
  reconciler?: Reconciler;
  resourceHealthSource?: string;
  resources?: ResourceStatus[];
  sourceHydrator?: SourceHydratorStatus;
  sourceType?: string;
  sourceTypes?: string[];
  summary?: ApplicationSummary;
  sync?: SyncStatus;
}

export interface ApplicationSummary {
  externalURLs?: string[];
  images?: string[];
  isAppOfApps?: boolean;
}

export interface Backoff {
  duration?: string;
  factor?: number;
  maxDuration?: string;
}

export interface BasicAuthBitbucketServer {
  passwordRef?: SecretRef;
  username?: string;
}

export interface BearerTokenBitbucket {
  tokenRef?: SecretRef;
}

export interface ClusterGenerator {
  flatList?: boolean;
  selector?: V1LabelSelector;
  template?: ApplicationSetTemplate;
  values?: Record<string, string>;
}

export interface ClusterResourceRestrictionItem {
  group?: string;
  kind?: string;
  name?: string;
}

export interface ComparedTo {
  destination?: ApplicationDestination;
  ignoreDifferences?: ResourceIgnoreDifferences[];
  source?: ApplicationSource;
  sources?: ApplicationSource[];
}

export interface ConfigMapKeyRef {
  configMapName?: string;
  key?: string;
}

export interface DrySource {
  directory?: ApplicationSourceDirectory;
  helm?: ApplicationSourceHelm;
  kustomize?: ApplicationSourceKustomize;
  path?: string;
  plugin?: ApplicationSourcePlugin;
  repoURL?: string;
  targetRevision?: string;
}

export interface DuckTypeGenerator {
  configMapRef?: string;
  labelSelector?: V1LabelSelector;
  name?: string;
  requeueAfterSeconds?: number;
  template?: ApplicationSetTemplate;
  values?: Record<string, string>;
}

export interface EnvEntry {
  name?: string;
  value?: string;
}

export interface GitDirectoryGeneratorItem {
  exclude?: boolean;
  path?: string;
}

export interface GitFileGeneratorItem {
  exclude?: boolean;
  path?: string;
}

export interface GitGenerator {
  directories?: GitDirectoryGeneratorItem[];
  files?: GitFileGeneratorItem[];
  pathParamPrefix?: string;
  repoURL?: string;
  requeueAfterSeconds?: number;
  revision?: string;
  template?: ApplicationSetTemplate;
  values?: Record<string, string>;
}

export interface HealthStatus {
  lastTransitionTime?: string;
  message?: string;
  status?: string;
}

export interface HelmFileParameter {
  name?: string;
  path?: string;
}

export interface HelmParameter {
  forceString?: boolean;
  name?: string;
  value?: string;
}

export interface HydrateOperation {
  drySHA?: string;
  finishedAt?: string;
  hydratedSHA?: string;
  message?: string;
  phase?: string;
  sourceHydrator?: SourceHydrator;
  startedAt?: string;
}

export interface HydrateTo {
  targetBranch?: string;
}

export interface Info {
  name?: string;
  value?: string;
}

export interface JWTToken {
  exp?: number;
  iat?: number;
  id?: string;
}

export interface JWTTokens {
  items?: JWTToken[];
}

export interface JsonnetVar {
  code?: boolean;
  name?: string;
  value?: string;
}

export interface KustomizePatch {
  options?: Record<string, boolean>;
  patch?: string;
  path?: string;
  target?: KustomizeSelector;
}

export interface KustomizeReplica {
  count?: number | string;
  name?: string;
}

export interface KustomizeSelector {
  annotationSelector?: string;
  group?: string;
  kind?: string;
  labelSelector?: string;
  name?: string;
  namespace?: string;
  version?: string;
}

export interface ListGenerator {
  elements?: unknown[];
  elementsYaml?: string;
  template?: ApplicationSetTemplate;
}

export interface ManagedNamespaceMetadata {
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
}

export interface MatrixGenerator {
  generators?: ApplicationSetNestedGenerator[];
  template?: ApplicationSetTemplate;
}

export interface MergeGenerator {
  generators?: ApplicationSetNestedGenerator[];
  mergeKeys?: string[];
  template?: ApplicationSetTemplate;
}

export interface Operation {
  info?: Info[];
  initiatedBy?: OperationInitiator;
  retry?: RetryStrategy;
  sync?: SyncOperation;
}

export interface OperationInitiator {
  automated?: boolean;
  username?: string;
}

export interface OperationState {
  finishedAt?: string;
  message?: string;
  operation?: Operation;
  phase?: string;
  retryCount?: number;
  startedAt?: string;
  syncResult?: SyncOperationResult;
  waitingSince?: string;
}

export interface OrphanedResourceKey {
  group?: string;
  kind?: string;
  name?: string;
}

export interface OrphanedResourcesMonitorSettings {
  ignore?: OrphanedResourceKey[];
  warn?: boolean;
}

export interface PluginConfigMapRef {
  name?: string;
}

export interface PluginGenerator {
  configMapRef?: PluginConfigMapRef;
  input?: PluginInput;
  requeueAfterSeconds?: number;
  template?: ApplicationSetTemplate;
  values?: Record<string, string>;
}

export interface PluginInput {
  parameters?: Record<string, unknown>;
}

export interface ProjectRole {
  description?: string;
  groups?: string[];
  jwtTokens?: JWTToken[];
  name?: string;
  policies?: string[];
}

export interface PullRequestAzureDevOps {
  api?: string;
  labels?: string[];
  organization?: string;
  project?: string;
  repo?: string;
  tokenRef?: SecretRef;
}

export interface PullRequestBitbucket {
  api?: string;
  basicAuth?: BasicAuthBitbucketServer;
  bearerToken?: BearerTokenBitbucket;
  owner?: string;
  repo?: string;
}

export interface PullRequestBitbucketServer {
  api?: string;
  basicAuth?: BasicAuthBitbucketServer;
  bearerToken?: BearerTokenBitbucket;
  caRef?: ConfigMapKeyRef;
  insecure?: boolean;
  project?: string;
  repo?: string;
}

export interface PullRequestFilter {
  branchMatch?: string;
  targetBranchMatch?: string;
  titleMatch?: string;
}

export interface PullRequestGenerator {
  azuredevops?: PullRequestAzureDevOps;
  bitbucket?: PullRequestBitbucket;
  bitbucketServer?: PullRequestBitbucketServer;
  continueOnRepoNotFoundError?: boolean;
  filters?: PullRequestFilter[];
  gitea?: PullRequestGitea;
  github?: PullRequestGitHub;
  gitlab?: PullRequestGitLab;
  requeueAfterSeconds?: number;
  template?: ApplicationSetTemplate;
  values?: Record<string, string>;
}

export interface PullRequestGitHub {
  api?: string;
  appSecretName?: string;
  labels?: string[];
  owner?: string;
  repo?: string;
  tokenRef?: SecretRef;
}

export interface PullRequestGitLab {
  api?: string;
  caRef?: ConfigMapKeyRef;
  insecure?: boolean;
  labels?: string[];
  project?: string;
  pullRequestState?: string;
  tokenRef?: SecretRef;
}

export interface PullRequestGitea {
  api?: string;
  insecure?: boolean;
  labels?: string[];
  owner?: string;
  repo?: string;
  tokenRef?: SecretRef;
}

export interface Reconciler {
  at?: string;
  replica?: string;
  unit?: string;
}

export interface ResourceIgnoreDifferences {
  group?: string;
  jqPathExpressions?: string[];
  jsonPointers?: string[];
  kind?: string;
  managedFieldsManagers?: string[];
  name?: string;
  namespace?: string;
}

export interface ResourceResult {
  group?: string;
  hookPhase?: string;
  hookType?: string;
  images?: string[];
  kind?: string;
  message?: string;
  name?: string;
  namespace?: string;
  status?: string;
  syncPhase?: string;
  version?: string;
}

export interface ResourceStatus {
  group?: string;
  health?: HealthStatus;
  hook?: boolean;
  kind?: string;
  name?: string;
  namespace?: string;
  requiresDeletionConfirmation?: boolean;
  requiresPruning?: boolean;
  status?: string;
  syncWave?: number;
  uid?: string;
  version?: string;
}

export interface RetryStrategy {
  backoff?: Backoff;
  limit?: number;
  refresh?: boolean;
}

export interface RevisionHistory {
  deployStartedAt?: string;
  deployedAt?: string;
  id?: number;
  initiatedBy?: OperationInitiator;
  revision?: string;
  revisions?: string[];
  source?: ApplicationSource;
  sources?: ApplicationSource[];
}

export interface SCMProviderAWSCodeCommit {
  allBranches?: boolean;
  region?: string;
  role?: string;
  tagFilters?: TagFilter[];
}

export interface SCMProviderAzureDevOps {
  accessTokenRef?: SecretRef;
  allBranches?: boolean;
  api?: string;
  organization?: string;
  teamProject?: string;
}

export interface SCMProviderBitbucket {
  allBranches?: boolean;
  appPasswordRef?: SecretRef;
  owner?: string;
  user?: string;
}

export interface SCMProviderBitbucketServer {
  allBranches?: boolean;
  api?: string;
  basicAuth?: BasicAuthBitbucketServer;
  bearerToken?: BearerTokenBitbucket;
  caRef?: ConfigMapKeyRef;
  insecure?: boolean;
  project?: string;
}

export interface SCMProviderFilter {
  branchMatch?: string;
  labelMatch?: string;
  pathsDoNotExist?: string[];
  pathsExist?: string[];
  repositoryMatch?: string;
}

export interface SCMProviderGenerator {
  awsCodeCommit?: SCMProviderAWSCodeCommit;
  azureDevOps?: SCMProviderAzureDevOps;
  bitbucket?: SCMProviderBitbucket;
  bitbucketServer?: SCMProviderBitbucketServer;
  cloneProtocol?: string;
  filters?: SCMProviderFilter[];
  gitea?: SCMProviderGitea;
  github?: SCMProviderGitHub;
  gitlab?: SCMProviderGitLab;
  requeueAfterSeconds?: number;
  template?: ApplicationSetTemplate;
  values?: Record<string, string>;
}

export interface SCMProviderGitHub {
  allBranches?: boolean;
  api?: string;
  appSecretName?: string;
  excludeArchivedRepos?: boolean;
  organization?: string;
  tokenRef?: SecretRef;
}

export interface SCMProviderGitLab {
  allBranches?: boolean;
  api?: string;
  caRef?: ConfigMapKeyRef;
  group?: string;
  includeArchivedRepos?: boolean;
  includeSharedProjects?: boolean;
  includeSubgroups?: boolean;
  insecure?: boolean;
  tokenRef?: SecretRef;
  topic?: string;
}

export interface SCMProviderGitea {
  allBranches?: boolean;
  api?: string;
  excludeArchivedRepos?: boolean;
  insecure?: boolean;
  owner?: string;
  tokenRef?: SecretRef;
}

export interface SecretRef {
  key?: string;
  secretName?: string;
}

export interface SignatureKey {
  keyID?: string;
}

export interface SourceHydrator {
  drySource?: DrySource;
  hydrateTo?: HydrateTo;
  syncSource?: SyncSource;
}

export interface SourceHydratorStatus {
  currentOperation?: HydrateOperation;
  lastComparedDryRevision?: string;
  lastSuccessfulOperation?: SuccessfulHydrateOperation;
}

export interface SourceIntegrity {
  git?: SourceIntegrityGit;
}

export interface SourceIntegrityGit {
  policies?: SourceIntegrityGitPolicy[];
}

export interface SourceIntegrityGitPolicy {
  gpg?: SourceIntegrityGitPolicyGPG;
  repos?: SourceIntegrityGitPolicyRepo[];
}

export interface SourceIntegrityGitPolicyGPG {
  keys?: string[];
  mode?: string;
}

export interface SourceIntegrityGitPolicyRepo {
  url?: string;
}

export interface SuccessfulHydrateOperation {
  drySHA?: string;
  hydratedSHA?: string;
  sourceHydrator?: SourceHydrator;
}

export interface SyncOperation {
  autoHealAttemptsCount?: number;
  dryRun?: boolean;
  manifests?: string[];
  prune?: boolean;
  resources?: SyncOperationResource[];
  revision?: string;
  revisions?: string[];
  source?: ApplicationSource;
  sources?: ApplicationSource[];
  syncOptions?: string[];
  syncStrategy?: SyncStrategy;
}

export interface SyncOperationResource {
  group?: string;
  kind?: string;
  name?: string;
  namespace?: string;
}

export interface SyncOperationResult {
  managedNamespaceMetadata?: ManagedNamespaceMetadata;
  resources?: ResourceResult[];
  revision?: string;
  revisions?: string[];
  source?: ApplicationSource;
  sources?: ApplicationSource[];
}

export interface SyncPolicy {
  automated?: SyncPolicyAutomated;
  managedNamespaceMetadata?: ManagedNamespaceMetadata;
  retry?: RetryStrategy;
  syncOptions?: string[];
}

export interface SyncPolicyAutomated {
  allowEmpty?: boolean;
  enabled?: boolean;
  prune?: boolean;
  selfHeal?: boolean;
}

export interface SyncSource {
  path?: string;
  repoURL?: string;
  targetBranch?: string;
}

export interface SyncStatus {
  comparedTo?: ComparedTo;
  revision?: string;
  revisions?: string[];
  status?: string;
}

export interface SyncStrategy {
  apply?: SyncStrategyApply;
  hook?: SyncStrategyHook;
}

export interface SyncStrategyApply {
  force?: boolean;
}

export interface SyncStrategyHook {
  force?: boolean;
}

export interface SyncWindow {
  andOperator?: boolean;
  applications?: string[];
  clusters?: string[];
  description?: string;
  duration?: string;
  kind?: string;
  manualSync?: boolean;
  namespaces?: string[];
  schedule?: string;
  syncOverrun?: boolean;
  timeZone?: string;
}

export interface TagFilter {
  key?: string;
  value?: string;
}
