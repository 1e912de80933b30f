package webhook

import (
	"net/url"
	"strings"
)

type href struct {
	Href string `json:"href"`
}

// bitbucketRef is one end of a change in Bitbucket Cloud; nil when the ref is new, or gone.
type bitbucketRef struct {
	Type   string `json:"type"` // branch, tag, named_branch …
	Name   string `json:"name"`
	Target struct {
		Hash string `json:"hash"`
	} `json:"target"`
}

// readBitbucket reads Bitbucket Cloud's repo:push. It names no files at all, and no clone URL: those follow from the
// repository's full name.
func readBitbucket(body []byte) (Push, error) {
	in, err := decode[struct {
		Push struct {
			Changes []struct {
				Old *bitbucketRef `json:"old"`
				New *bitbucketRef `json:"new"`
			} `json:"changes"`
		} `json:"push"`
		Repository bitbucketRepository `json:"repository"`
	}](body)
	if err != nil {
		return Push{}, err
	}
	var moves []move
	for _, c := range in.Push.Changes {
		m, named := move{}, c.New
		if c.Old != nil {
			m.before = c.Old.Target.Hash
		}
		if c.New != nil {
			m.after = c.New.Target.Hash
		} else {
			named = c.Old
		}
		if named != nil && named.Name != "" {
			m.ref = "refs/heads/" + named.Name
			if strings.HasSuffix(named.Type, "tag") {
				m.ref = "refs/tags/" + named.Name
			}
		}
		moves = append(moves, m)
	}
	return newPush(in.Repository.urls(), moves)
}

type bitbucketRepository struct {
	FullName string `json:"full_name"`
	Links    struct {
		HTML href `json:"html"`
	} `json:"links"`
}

func (r bitbucketRepository) urls() []string {
	urls := []string{r.Links.HTML.Href}
	if name := r.FullName; strings.Count(name, "/") == 1 {
		urls = append(urls, "https://bitbucket.org/"+name, "https://bitbucket.org/"+name+".git", "git@bitbucket.org:"+name+".git")
	}
	return urls
}

// readBitbucketServer reads repo:refs_changed of Bitbucket Server and Data Center. Clone links are there only since
// version 7 or so; the https one can be told from the repository's page.
func readBitbucketServer(body []byte) (Push, error) {
	in, err := decode[struct {
		Repository bitbucketServerRepository `json:"repository"`
		Changes    []struct {
			Ref struct {
				ID string `json:"id"`
			} `json:"ref"`
			From string `json:"fromHash"`
			To   string `json:"toHash"`
		} `json:"changes"`
	}](body)
	if err != nil {
		return Push{}, err
	}
	var moves []move
	for _, c := range in.Changes {
		moves = append(moves, move{c.Ref.ID, c.From, c.To})
	}
	return newPush(in.Repository.urls(), moves)
}

type bitbucketServerRepository struct {
	Slug    string `json:"slug"`
	Project struct {
		Key string `json:"key"`
	} `json:"project"`
	Links struct {
		Clone []href `json:"clone"`
		Self  []href `json:"self"`
	} `json:"links"`
}

func (r bitbucketServerRepository) urls() (urls []string) {
	for _, l := range r.Links.Clone {
		urls = append(urls, l.Href)
	}
	for _, l := range r.Links.Self {
		urls = append(urls, strings.TrimSuffix(l.Href, "/browse"))
		if clone, ok := scmURL(l.Href, r.Project.Key, r.Slug); ok {
			urls = append(urls, clone)
		}
	}
	return urls
}

// scmURL turns …/projects/KEY/repos/slug/browse into …/scm/key/slug.git; what stands before is the server's own path.
func scmURL(page, key, slug string) (string, bool) {
	u, err := url.Parse(page)
	if err != nil || u.Host == "" || key == "" || slug == "" {
		return "", false
	}
	base, _, ok := strings.Cut(u.Path, "/projects/")
	if !ok {
		return "", false
	}
	return u.Scheme + "://" + u.Host + base + "/scm/" + strings.ToLower(key) + "/" + slug + ".git", true
}
