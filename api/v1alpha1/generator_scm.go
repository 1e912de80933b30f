package v1alpha1

// SCMProviderGenerator yields the repositories (and branches) of one owner at
// exactly one provider.
type SCMProviderGenerator struct {
	// Repositories on GitHub.
	GitHub *SCMProviderGitHub `json:"github,omitempty" protobuf:"bytes,1,opt,name=github"`
	// Repositories on GitLab.
	GitLab *SCMProviderGitLab `json:"gitlab,omitempty" protobuf:"bytes,2,opt,name=gitlab"`
	// Repositories on Gitea or Forgejo.
	Gitea *SCMProviderGitea `json:"gitea,omitempty" protobuf:"bytes,5,opt,name=gitea"`
	// Repositories on Bitbucket Cloud.
	Bitbucket *SCMProviderBitbucket `json:"bitbucket,omitempty" protobuf:"bytes,3,opt,name=bitbucket"`
	// Repositories on Bitbucket Server.
	BitbucketServer *SCMProviderBitbucketServer `json:"bitbucketServer,omitempty" protobuf:"bytes,4,opt,name=bitbucketServer"`
	// Repositories on Azure DevOps.
	AzureDevOps *SCMProviderAzureDevOps `json:"azureDevOps,omitempty" protobuf:"bytes,6,opt,name=azureDevOps"`
	// Repositories on AWS CodeCommit.
	AWSCodeCommit *SCMProviderAWSCodeCommit `json:"awsCodeCommit,omitempty" protobuf:"bytes,12,opt,name=awsCodeCommit"`
	// Which repositories and branches; one filter has to match entirely.
	Filters []SCMProviderFilter `json:"filters,omitempty" protobuf:"bytes,7,rep,name=filters"`
	// Either ssh or https.
	CloneProtocol string `json:"cloneProtocol,omitempty" protobuf:"bytes,8,opt,name=cloneProtocol"`
	// Further parameters, which may mention the generated ones.
	Values map[string]string `json:"values,omitempty" protobuf:"bytes,11,rep,name=values"`
	// How often to ask, in seconds.
	RequeueAfterSeconds *int64 `json:"requeueAfterSeconds,omitempty" protobuf:"varint,9,opt,name=requeueAfterSeconds"`
	// Merged into the template.
	Template ApplicationSetTemplate `json:"template,omitempty" protobuf:"bytes,10,opt,name=template"`
}

// SCMProviderFilter is a set of regular expressions and paths that must all match.
type SCMProviderFilter struct {
	// Regular expression for the name of the repository.
	RepositoryMatch *string `json:"repositoryMatch,omitempty" protobuf:"bytes,1,opt,name=repositoryMatch"`
	// Regular expression for the branch.
	BranchMatch *string `json:"branchMatch,omitempty" protobuf:"bytes,5,opt,name=branchMatch"`
	// Regular expression for any of the labels or topics.
	LabelMatch *string `json:"labelMatch,omitempty" protobuf:"bytes,4,opt,name=labelMatch"`
	// Paths that must exist.
	PathsExist []string `json:"pathsExist,omitempty" protobuf:"bytes,2,rep,name=pathsExist"`
	// Paths that must not exist.
	PathsDoNotExist []string `json:"pathsDoNotExist,omitempty" protobuf:"bytes,3,rep,name=pathsDoNotExist"`
}

// SCMProviderGitHub is an organisation on GitHub.
type SCMProviderGitHub struct {
	// The organisation.
	Organization string `json:"organization" protobuf:"bytes,1,opt,name=organization"`
	// URL of the API of a GitHub Enterprise server.
	API string `json:"api,omitempty" protobuf:"bytes,2,opt,name=api"`
	// Where the access token is.
	TokenRef *SecretRef `json:"tokenRef,omitempty" protobuf:"bytes,3,opt,name=tokenRef"`
	// Name of a repo-creds Secret with a GitHub App.
	AppSecretName string `json:"appSecretName,omitempty" protobuf:"bytes,4,opt,name=appSecretName"`
	// Every branch, not only the default one.
	AllBranches bool `json:"allBranches,omitempty" protobuf:"varint,5,opt,name=allBranches"`
	// Leave out archived repositories.
	ExcludeArchivedRepos bool `json:"excludeArchivedRepos,omitempty" protobuf:"varint,6,opt,name=excludeArchivedRepos"`
}

// SCMProviderGitLab is a group on GitLab. IncludeSharedProjects is a pointer
// because absent means true.
type SCMProviderGitLab struct {
	// The group.
	Group string `json:"group" protobuf:"bytes,1,opt,name=group"`
	// Groups within the group too.
	IncludeSubgroups bool `json:"includeSubgroups,omitempty" protobuf:"varint,2,opt,name=includeSubgroups"`
	// Projects shared with the group too; true if absent.
	IncludeSharedProjects *bool `json:"includeSharedProjects,omitempty" protobuf:"varint,7,opt,name=includeSharedProjects"`
	// Archived projects too.
	IncludeArchivedRepos bool `json:"includeArchivedRepos,omitempty" protobuf:"varint,10,opt,name=includeArchivedRepos"`
	// Only projects with this topic.
	Topic string `json:"topic,omitempty" protobuf:"bytes,8,opt,name=topic"`
	// URL of the API of one's own server.
	API string `json:"api,omitempty" protobuf:"bytes,3,opt,name=api"`
	// Where the access token is.
	TokenRef *SecretRef `json:"tokenRef,omitempty" protobuf:"bytes,4,opt,name=tokenRef"`
	// Every branch, not only the default one.
	AllBranches bool `json:"allBranches,omitempty" protobuf:"varint,5,opt,name=allBranches"`
	// Do not verify the server's certificate.
	Insecure bool `json:"insecure,omitempty" protobuf:"varint,6,opt,name=insecure"`
	// Where the certificate of the authority is.
	CARef *ConfigMapKeyRef `json:"caRef,omitempty" protobuf:"bytes,9,opt,name=caRef"`
}

// SCMProviderGitea is an owner on Gitea or Forgejo.
type SCMProviderGitea struct {
	// User or organisation.
	Owner string `json:"owner" protobuf:"bytes,1,opt,name=owner"`
	// URL of the server.
	API string `json:"api" protobuf:"bytes,2,opt,name=api"`
	// Where the access token is.
	TokenRef *SecretRef `json:"tokenRef,omitempty" protobuf:"bytes,3,opt,name=tokenRef"`
	// Every branch, not only the default one.
	AllBranches bool `json:"allBranches,omitempty" protobuf:"varint,4,opt,name=allBranches"`
	// Do not verify the server's certificate.
	Insecure bool `json:"insecure,omitempty" protobuf:"varint,5,opt,name=insecure"`
	// Leave out archived repositories.
	ExcludeArchivedRepos bool `json:"excludeArchivedRepos,omitempty" protobuf:"varint,6,opt,name=excludeArchivedRepos"`
}

// SCMProviderBitbucket is an owner on Bitbucket Cloud.
type SCMProviderBitbucket struct {
	// Workspace.
	Owner string `json:"owner" protobuf:"bytes,1,opt,name=owner"`
	// User whose app password is used.
	User string `json:"user" protobuf:"bytes,2,opt,name=user"`
	// Where the app password is.
	AppPasswordRef *SecretRef `json:"appPasswordRef" protobuf:"bytes,3,opt,name=appPasswordRef"`
	// Every branch, not only the default one.
	AllBranches bool `json:"allBranches,omitempty" protobuf:"varint,4,opt,name=allBranches"`
}

// SCMProviderBitbucketServer is a project on Bitbucket Server.
type SCMProviderBitbucketServer struct {
	// Key of the project.
	Project string `json:"project" protobuf:"bytes,1,opt,name=project"`
	// URL of the REST API.
	API string `json:"api" protobuf:"bytes,2,opt,name=api"`
	// User name and password.
	BasicAuth *BasicAuthBitbucketServer `json:"basicAuth,omitempty" protobuf:"bytes,3,opt,name=basicAuth"`
	// Access token.
	BearerToken *BearerTokenBitbucket `json:"bearerToken,omitempty" protobuf:"bytes,5,opt,name=bearerToken"`
	// Every branch, not only the default one.
	AllBranches bool `json:"allBranches,omitempty" protobuf:"varint,4,opt,name=allBranches"`
	// Do not verify the server's certificate.
	Insecure bool `json:"insecure,omitempty" protobuf:"varint,6,opt,name=insecure"`
	// Where the certificate of the authority is.
	CARef *ConfigMapKeyRef `json:"caRef,omitempty" protobuf:"bytes,7,opt,name=caRef"`
}

// SCMProviderAzureDevOps is a team project on Azure DevOps.
type SCMProviderAzureDevOps struct {
	// The organisation.
	Organization string `json:"organization" protobuf:"bytes,5,opt,name=organization"`
	// The team project.
	TeamProject string `json:"teamProject" protobuf:"bytes,7,opt,name=teamProject"`
	// URL of one's own server.
	API string `json:"api,omitempty" protobuf:"bytes,6,opt,name=api"`
	// Where the access token is.
	AccessTokenRef *SecretRef `json:"accessTokenRef" protobuf:"bytes,8,opt,name=accessTokenRef"`
	// Every branch, not only the default one.
	AllBranches bool `json:"allBranches,omitempty" protobuf:"varint,9,opt,name=allBranches"`
}

// SCMProviderAWSCodeCommit is an account on AWS CodeCommit.
type SCMProviderAWSCodeCommit struct {
	// Only repositories with all of these tags.
	TagFilters []TagFilter `json:"tagFilters,omitempty" protobuf:"bytes,1,rep,name=tagFilters"`
	// ARN of a role to assume.
	Role string `json:"role,omitempty" protobuf:"bytes,2,opt,name=role"`
	// Region of the repositories.
	Region string `json:"region,omitempty" protobuf:"bytes,3,opt,name=region"`
	// Every branch, not only the default one.
	AllBranches bool `json:"allBranches,omitempty" protobuf:"varint,4,opt,name=allBranches"`
}

// TagFilter is a tag that must be there, with any value if none is given.
type TagFilter struct {
	// Key of the tag.
	Key string `json:"key" protobuf:"bytes,1,opt,name=key"`
	// Value of the tag; any if absent.
	Value string `json:"value,omitempty" protobuf:"bytes,2,opt,name=value"`
}

// PullRequestGenerator yields the open pull requests of one repository at
// exactly one provider.
type PullRequestGenerator struct {
	// Pull requests on GitHub.
	GitHub *PullRequestGitHub `json:"github,omitempty" protobuf:"bytes,1,opt,name=github"`
	// Merge requests on GitLab.
	GitLab *PullRequestGitLab `json:"gitlab,omitempty" protobuf:"bytes,2,opt,name=gitlab"`
	// Pull requests on Gitea or Forgejo.
	Gitea *PullRequestGitea `json:"gitea,omitempty" protobuf:"bytes,3,opt,name=gitea"`
	// Pull requests on Bitbucket Cloud.
	Bitbucket *PullRequestBitbucket `json:"bitbucket,omitempty" protobuf:"bytes,8,opt,name=bitbucket"`
	// Pull requests on Bitbucket Server.
	BitbucketServer *PullRequestBitbucketServer `json:"bitbucketServer,omitempty" protobuf:"bytes,4,opt,name=bitbucketServer"`
	// Pull requests on Azure DevOps.
	AzureDevOps *PullRequestAzureDevOps `json:"azuredevops,omitempty" protobuf:"bytes,9,opt,name=azuredevops"`
	// Which pull requests; one filter has to match entirely.
	Filters []PullRequestFilter `json:"filters,omitempty" protobuf:"bytes,5,rep,name=filters"`
	// Yield nothing, instead of failing, when the repository does not exist.
	ContinueOnRepoNotFoundError bool `json:"continueOnRepoNotFoundError,omitempty" protobuf:"varint,11,opt,name=continueOnRepoNotFoundError"`
	// Further parameters, which may mention the generated ones.
	Values map[string]string `json:"values,omitempty" protobuf:"bytes,10,rep,name=values"`
	// How often to ask, in seconds.
	RequeueAfterSeconds *int64 `json:"requeueAfterSeconds,omitempty" protobuf:"varint,6,opt,name=requeueAfterSeconds"`
	// Merged into the template.
	Template ApplicationSetTemplate `json:"template,omitempty" protobuf:"bytes,7,opt,name=template"`
}

// PullRequestFilter is a set of regular expressions that must all match.
type PullRequestFilter struct {
	// Regular expression for the branch.
	BranchMatch *string `json:"branchMatch,omitempty" protobuf:"bytes,1,opt,name=branchMatch"`
	// Regular expression for the branch to merge into.
	TargetBranchMatch *string `json:"targetBranchMatch,omitempty" protobuf:"bytes,2,opt,name=targetBranchMatch"`
	// Regular expression for the title.
	TitleMatch *string `json:"titleMatch,omitempty" protobuf:"bytes,3,opt,name=titleMatch"`
}

// PullRequestGitHub is a repository on GitHub.
type PullRequestGitHub struct {
	// User or organisation.
	Owner string `json:"owner" protobuf:"bytes,1,opt,name=owner"`
	// Name of the repository.
	Repo string `json:"repo" protobuf:"bytes,2,opt,name=repo"`
	// URL of the API of a GitHub Enterprise server.
	API string `json:"api,omitempty" protobuf:"bytes,3,opt,name=api"`
	// Where the access token is.
	TokenRef *SecretRef `json:"tokenRef,omitempty" protobuf:"bytes,4,opt,name=tokenRef"`
	// Name of a repo-creds Secret with a GitHub App.
	AppSecretName string `json:"appSecretName,omitempty" protobuf:"bytes,5,opt,name=appSecretName"`
	// Only pull requests with all of these labels.
	Labels []string `json:"labels,omitempty" protobuf:"bytes,6,rep,name=labels"`
}

// PullRequestGitLab is a project on GitLab.
type PullRequestGitLab struct {
	// Path or number of the project.
	Project string `json:"project" protobuf:"bytes,1,opt,name=project"`
	// URL of the API of one's own server.
	API string `json:"api,omitempty" protobuf:"bytes,2,opt,name=api"`
	// Where the access token is.
	TokenRef *SecretRef `json:"tokenRef,omitempty" protobuf:"bytes,3,opt,name=tokenRef"`
	// Only merge requests with all of these labels.
	Labels []string `json:"labels,omitempty" protobuf:"bytes,4,rep,name=labels"`
	// Only merge requests in this state, for example opened.
	PullRequestState string `json:"pullRequestState,omitempty" protobuf:"bytes,5,opt,name=pullRequestState"`
	// Do not verify the server's certificate.
	Insecure bool `json:"insecure,omitempty" protobuf:"varint,6,opt,name=insecure"`
	// Where the certificate of the authority is.
	CARef *ConfigMapKeyRef `json:"caRef,omitempty" protobuf:"bytes,7,opt,name=caRef"`
}

// PullRequestGitea is a repository on Gitea or Forgejo.
type PullRequestGitea struct {
	// User or organisation.
	Owner string `json:"owner" protobuf:"bytes,1,opt,name=owner"`
	// Name of the repository.
	Repo string `json:"repo" protobuf:"bytes,2,opt,name=repo"`
	// URL of the server.
	API string `json:"api" protobuf:"bytes,3,opt,name=api"`
	// Where the access token is.
	TokenRef *SecretRef `json:"tokenRef,omitempty" protobuf:"bytes,4,opt,name=tokenRef"`
	// Only pull requests with all of these labels.
	Labels []string `json:"labels,omitempty" protobuf:"bytes,6,rep,name=labels"`
	// Do not verify the server's certificate.
	Insecure bool `json:"insecure,omitempty" protobuf:"varint,5,opt,name=insecure"`
}

// PullRequestBitbucket is a repository on Bitbucket Cloud.
type PullRequestBitbucket struct {
	// Workspace.
	Owner string `json:"owner" protobuf:"bytes,1,opt,name=owner"`
	// Name of the repository.
	Repo string `json:"repo" protobuf:"bytes,2,opt,name=repo"`
	// URL of the API.
	API string `json:"api,omitempty" protobuf:"bytes,3,opt,name=api"`
	// User name and password.
	BasicAuth *BasicAuthBitbucketServer `json:"basicAuth,omitempty" protobuf:"bytes,4,opt,name=basicAuth"`
	// Access token.
	BearerToken *BearerTokenBitbucket `json:"bearerToken,omitempty" protobuf:"bytes,5,opt,name=bearerToken"`
}

// PullRequestBitbucketServer is a repository on Bitbucket Server.
type PullRequestBitbucketServer struct {
	// Key of the project.
	Project string `json:"project" protobuf:"bytes,1,opt,name=project"`
	// Name of the repository.
	Repo string `json:"repo" protobuf:"bytes,2,opt,name=repo"`
	// URL of the REST API.
	API string `json:"api" protobuf:"bytes,3,opt,name=api"`
	// User name and password.
	BasicAuth *BasicAuthBitbucketServer `json:"basicAuth,omitempty" protobuf:"bytes,4,opt,name=basicAuth"`
	// Access token.
	BearerToken *BearerTokenBitbucket `json:"bearerToken,omitempty" protobuf:"bytes,5,opt,name=bearerToken"`
	// Do not verify the server's certificate.
	Insecure bool `json:"insecure,omitempty" protobuf:"varint,6,opt,name=insecure"`
	// Where the certificate of the authority is.
	CARef *ConfigMapKeyRef `json:"caRef,omitempty" protobuf:"bytes,7,opt,name=caRef"`
}

// PullRequestAzureDevOps is a repository on Azure DevOps.
type PullRequestAzureDevOps struct {
	// The organisation.
	Organization string `json:"organization" protobuf:"bytes,1,opt,name=organization"`
	// The team project.
	Project string `json:"project" protobuf:"bytes,2,opt,name=project"`
	// Name of the repository.
	Repo string `json:"repo" protobuf:"bytes,3,opt,name=repo"`
	// URL of one's own server.
	API string `json:"api,omitempty" protobuf:"bytes,4,opt,name=api"`
	// Where the access token is.
	TokenRef *SecretRef `json:"tokenRef,omitempty" protobuf:"bytes,5,opt,name=tokenRef"`
	// Only pull requests with all of these labels.
	Labels []string `json:"labels,omitempty" protobuf:"bytes,6,rep,name=labels"`
}
