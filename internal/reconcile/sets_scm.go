package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/appset"
	"github.com/hawser-cd/hawser/internal/forge"
	"github.com/hawser-cd/hawser/internal/problem"
)

// Repositories asks the forge that a generator names.
func (f *setFacts) Repositories(ctx context.Context, g *v1alpha1.SCMProviderGenerator) (appset.Repositories, error) {
	f.foreign = true
	bare := v1alpha1.SCMProviderGenerator{GitHub: g.GitHub, GitLab: g.GitLab, Gitea: g.Gitea, Bitbucket: g.Bitbucket, BitbucketServer: g.BitbucketServer,
		AzureDevOps: g.AzureDevOps, AWSCodeCommit: g.AWSCodeCommit, CloneProtocol: g.CloneProtocol}
	account, owner, all, err := f.a.ownerOf(ctx, f.set, bare)
	if err != nil {
		return appset.Repositories{}, err
	}
	key := textOf(bare)
	known := f.a.sets.forges.recall(f.asks, key, every(g.RequeueAfterSeconds))
	if known == nil {
		if f.a.sets.forges.atOnce(f.asks, key) {
			ctx = forge.AtOnce(ctx)
		}
		known = &forgeAnswer{at: time.Now(), repos: &repositoriesSeen{branches: map[int][]forge.Branch{}, paths: map[string]bool{}}}
		if known.repos.list, err = f.a.Forges.Repositories(ctx, account, owner); err != nil {
			return appset.Repositories{}, err
		}
		f.a.sets.forges.keep(f.asks, key, known)
	}
	return known.repos.facts(f.a.Forges, account, all), nil
}

// facts are the repositories as generators know them. What is asked beyond their list is asked once.
func (seen *repositoriesSeen) facts(forges Forges, account forge.Account, all bool) appset.Repositories {
	var out appset.Repositories
	at := map[string]int{}
	id := func(r appset.Repository) string { return fmt.Sprint(r.Organization, "\n", r.Name, "\n", r.ID) }
	for i, r := range seen.list {
		in := appset.Repository{Organization: r.Organization, Name: r.Name, ID: r.ID, URL: r.URL, Branch: r.DefaultBranch, Labels: r.Labels}
		at[id(in)] = i
		out.List = append(out.List, in)
	}
	out.Branches = func(ctx context.Context, r appset.Repository) (list []appset.Repository, err error) {
		i := at[id(r)]
		branches, known := seen.branches[i]
		if !known {
			if branches, err = forges.Branches(ctx, account, seen.list[i], all); err != nil {
				return nil, err
			}
			seen.branches[i] = branches
		}
		for _, b := range branches {
			one := r
			one.Branch, one.Commit = b.Name, b.Commit
			list = append(list, one)
		}
		return list, nil
	}
	out.HasPath = func(ctx context.Context, r appset.Repository, path string) (there bool, err error) {
		i := at[id(r)]
		key := fmt.Sprint(i, "\n", r.Branch, "\n", r.Commit, "\n", path)
		there, known := seen.paths[key]
		if !known {
			if there, err = forges.HasPath(ctx, account, seen.list[i], forge.Branch{Name: r.Branch, Commit: r.Commit}, path); err != nil {
				return false, err
			}
			seen.paths[key] = there
		}
		return there, nil
	}
	return out
}

// ownerOf reads whom a generator asks for whose repositories, and whether for all their branches.
func (a *Apps) ownerOf(ctx context.Context, set *v1alpha1.ApplicationSet, g v1alpha1.SCMProviderGenerator) (account forge.Account, o forge.Owner, all bool, err error) {
	b := accountBuilder{a: a, ctx: ctx, set: set}
	switch {
	case g.GitHub != nil:
		p := g.GitHub
		account, all = b.github(p.API, p.TokenRef, p.AppSecretName, p.Organization), p.AllBranches
		o = forge.Owner{Name: p.Organization, WithoutArchived: p.ExcludeArchivedRepos}
	case g.GitLab != nil:
		p := g.GitLab
		account, all = b.token(forge.GitLab, p.API, p.TokenRef, p.Insecure, p.CARef), p.AllBranches
		o = forge.Owner{Name: p.Group, Subgroups: p.IncludeSubgroups, Shared: p.IncludeSharedProjects == nil || *p.IncludeSharedProjects, WithArchived: p.IncludeArchivedRepos, Topic: p.Topic}
	case g.Gitea != nil:
		p := g.Gitea
		account, all = b.token(forge.Gitea, p.API, p.TokenRef, p.Insecure, nil), p.AllBranches
		o = forge.Owner{Name: p.Owner, WithoutArchived: p.ExcludeArchivedRepos}
	case g.BitbucketServer != nil:
		p := g.BitbucketServer
		account, all = b.bitbucket(forge.BitbucketServer, p.API, p.BasicAuth, p.BearerToken, p.Insecure, p.CARef), p.AllBranches
		o = forge.Owner{Name: p.Project}
	case g.Bitbucket != nil:
		p := g.Bitbucket
		account, all = b.begin(forge.Bitbucket, "", false, nil), p.AllBranches
		account.User, account.Password = p.User, b.secret(p.AppPasswordRef)
		o = forge.Owner{Name: p.Owner}
	case g.AzureDevOps != nil:
		p := g.AzureDevOps
		account, all = b.token(forge.AzureDevOps, p.API, p.AccessTokenRef, false, nil), p.AllBranches
		o = forge.Owner{Name: p.Organization, Project: p.TeamProject}
	case g.AWSCodeCommit != nil:
		return account, o, false, problem.New(problem.Unsupported, "the scmProvider generator does not ask AWS CodeCommit").
			WithHint("AWS takes no new customers for it; list its repositories with a list or plugin generator")
	default:
		return account, o, false, problem.New(problem.Invalid, "the scmProvider generator names no provider").WithHint("one of github, gitlab, gitea, bitbucket, bitbucketServer, azureDevOps")
	}
	o.Protocol = g.CloneProtocol
	return account, o, all, b.err
}
