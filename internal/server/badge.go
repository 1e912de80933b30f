package server

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/hawser-cd/hawser/api/v1alpha1"
	"github.com/hawser-cd/hawser/internal/problem"
)

// badge answers with a small picture of the state of an application, or of all of some projects, for pages elsewhere.
// Nobody has to log in for it, so that it is off unless statusbadge.enabled says otherwise; then it shows Unknown, as
// Argo CD does, and reads nothing.
func (s *server) badge(w http.ResponseWriter, r *http.Request) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		fail(w, problem.New(problem.Invalid, "the query cannot be read"))
		return
	}
	sign := unknownSign
	if s.Catalog != nil && s.Catalog.Settings().Server.Badge {
		if err := validBadge(q); err != nil {
			fail(w, err)
			return
		}
		sign = s.sign(q)
	}
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Cache-Control", "private, no-store")
	h.Set("Access-Control-Allow-Origin", "*") // pages elsewhere show it: that is what it is for
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	_, _ = w.Write([]byte(sign.draw()))
}

// sign is what a badge says.
type sign struct {
	name     string // above the rest; empty for none
	health   string
	sync     string // empty for none
	revision string // empty for none
	width    int    // in pixels, where more than the words need; 0: as they need
}

var unknownSign = sign{health: string(v1alpha1.HealthStatusUnknown), sync: string(v1alpha1.SyncStatusUnknown)}

// maxBadgeWidth is far wider than any badge and narrower than what hurts a page.
const maxBadgeWidth = 2000

func validBadge(q url.Values) error {
	for key, check := range map[string]func(string) []string{"name": validation.IsDNS1123Subdomain, "namespace": validation.IsDNS1123Label, "project": func(s string) []string { return validation.IsDNS1123Subdomain(strings.ToLower(s)) }} {
		for _, value := range q[key] {
			if value != "" && len(check(value)) > 0 {
				return problem.New(problem.Invalid, "%s is not a valid name", key)
			}
		}
	}
	return nil
}

// sign reads what a valid query asks for.
func (s *server) sign(q url.Values) sign {
	out := unknownSign
	on := func(key string) bool { return strings.EqualFold(q.Get(key), "true") }
	if n, err := strconv.Atoi(q.Get("width")); err == nil && n > 0 {
		out.width = min(n, maxBadgeWidth)
	}
	namespace := q.Get("namespace")
	if namespace == "" {
		namespace = s.Namespace
	}
	if name := q.Get("name"); name != "" {
		app, err := s.Catalog.Application(types.NamespacedName{Namespace: namespace, Name: name})
		switch {
		case problem.Is(err, problem.NotFound):
			return sign{health: "Not Found", width: out.width}
		case err != nil:
			return out
		}
		out.health, out.sync = string(app.Status.Health.Status), string(app.Status.Sync.Status)
		if on("showAppName") {
			out.name = app.Name
		}
		if on("revision") {
			out.revision = shownRevision(app, on("keepFullRevision"))
		}
	}
	if projects := slices.DeleteFunc(slices.Clone(q["project"]), func(p string) bool { return p == "" }); len(projects) > 0 {
		all, _ := s.Catalog.ListApplications()
		out.health, out.sync = together(all, namespace, projects, out)
	}
	if out.health == "" {
		out.health = unknownSign.health
	}
	if out.sync == "" {
		out.sync = unknownSign.sync
	}
	return out
}

// shownRevision is what was synced last.
func shownRevision(app *v1alpha1.Application, full bool) string {
	op := app.Status.OperationState
	if op == nil || op.SyncResult == nil {
		return ""
	}
	revision := op.SyncResult.Revision
	if len(op.SyncResult.Revisions) > 0 {
		revision = op.SyncResult.Revisions[0]
	}
	if !full && len(revision) > 7 {
		revision = strings.ToValidUTF8(revision[:7], "")
	}
	return revision
}

// together is the state of the applications of projects as one: good when all are.
func together(all []*v1alpha1.Application, namespace string, projects []string, without sign) (health, sync string) {
	health, sync = without.health, without.sync
	found, healthy, synced := false, true, true
	for _, app := range all {
		if app.Namespace != namespace || !slices.Contains(projects, app.Spec.ProjectName()) {
			continue
		}
		found = true
		healthy = healthy && app.Status.Health.Status == v1alpha1.HealthStatusHealthy
		synced = synced && app.Status.Sync.Status == v1alpha1.SyncStatusSynced
	}
	if !found {
		return health, sync
	}
	health, sync = string(v1alpha1.HealthStatusHealthy), string(v1alpha1.SyncStatusSynced)
	if !healthy {
		health = string(v1alpha1.HealthStatusDegraded)
	}
	if !synced {
		sync = string(v1alpha1.SyncStatusOutOfSync)
	}
	return health, sync
}

// The colours leave white text readable (WCAG AA). No state is told by colour alone.
var badgeColours = map[string]string{
	string(v1alpha1.HealthStatusHealthy): "#1a6b3c", string(v1alpha1.HealthStatusProgressing): "#1b5a96", string(v1alpha1.HealthStatusDegraded): "#b3261e",
	string(v1alpha1.HealthStatusMissing): "#7a4a00", string(v1alpha1.HealthStatusSuspended): "#4a5560", string(v1alpha1.HealthStatusUnknown): "#5c3d78",
	string(v1alpha1.SyncStatusSynced): "#1a6b3c", string(v1alpha1.SyncStatusOutOfSync): "#8a5200",
}

const (
	badgeRow     = 20 // pixels
	badgePadding = 8
	badgeNeutral = "#4a5560"
)

// wordWidth is about how wide a text is in 11 pixels of Verdana; textLength holds the browser to it.
func wordWidth(s string) int { return utf8.RuneCountInString(s)*7 + 2*badgePadding }

// xmlText is a text as it stands in XML, without the characters that may not, escaped or not (XML 1.0, 2.2): one of them,
// in a revision that somebody wrote, and browsers show nothing.
func xmlText(s string) string {
	return html.EscapeString(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffe || r == 0xffff {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd")))
}

// draw is the sign as SVG, with its words as title and label for those who do not see it.
func (b sign) draw() string {
	type box struct {
		text, colour string
		width        int
	}
	colour := func(word string) string {
		if c, ok := badgeColours[word]; ok {
			return c
		}
		return badgeNeutral
	}
	boxes := []box{{b.health, colour(b.health), wordWidth(b.health)}}
	if b.sync != "" {
		boxes = append(boxes, box{b.sync, colour(b.sync), wordWidth(b.sync)})
	}
	if b.revision != "" {
		text := "(" + b.revision + ")"
		boxes = append(boxes, box{text, colour(b.sync), wordWidth(text)})
	}
	total, height, top := 0, badgeRow, 0
	words := make([]string, 0, 4)
	for _, x := range boxes {
		total += x.width
		words = append(words, x.text)
	}
	wide := max(total, b.width)
	if b.name != "" {
		wide, height, top = max(wide, wordWidth(b.name)), 2*badgeRow, badgeRow
		words = append([]string{b.name + ":"}, words...)
	}
	boxes[len(boxes)-1].width += wide - total
	label := xmlText(strings.Join(words, " "))

	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" role="img" aria-label="%s"><title>%s</title>`, wide, height, label, label)
	out.WriteString(`<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">`)
	draw := func(x, y int, b box) {
		fmt.Fprintf(&out, `<rect x="%d" y="%d" width="%d" height="%d" fill="%s"/><text x="%d" y="%d" aria-hidden="true">%s</text>`,
			x, y, b.width, badgeRow, b.colour, x+b.width/2, y+14, xmlText(b.text))
	}
	if b.name != "" {
		draw(0, 0, box{b.name, "#2b333b", wide})
	}
	x := 0
	for _, b := range boxes {
		draw(x, top, b)
		x += b.width
	}
	out.WriteString("</g></svg>\n")
	return out.String()
}
