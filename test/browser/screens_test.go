package browser_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// screen is one thing that the page shows, and something that is to be read on it once it is whole.
type screen struct {
	name, path string
	says       []string
	do         func(b *tab) // what a person does to see it; nil for nothing
	stranger   bool         // who is not logged in
}

const app = "/applications/argocd/"

// screens are all that the page has. What is not here is not photographed, and not tried with axe.
var screens = []screen{
	{name: "login", path: "/login", says: []string{"User name", "Password"}, stranger: true},
	{name: "applications", path: "/applications", says: []string{"checkout", "ledger", "Linus Example"}},
	{name: "applications-tiles", path: "/applications?view=tiles", says: []string{"checkout", "ledger"}},
	{name: "applications-filtered", path: "/applications?health=Degraded", says: []string{"checkout"}},
	{name: "application-healthy", path: app + "shop", says: []string{"6 of 6 objects match, all healthy"}},
	{name: "application-degraded", path: app + "checkout", says: []string{"checkout", "Degraded"}},
	{name: "application-drifted", path: app + "ledger", says: []string{"ledger", "OutOfSync"}},
	{name: "application-of-applications", path: app + "platform", says: []string{"platform", "payments"}},
	{name: "application-network", path: app + "shop?view=network", says: []string{"shop"}},
	{name: "application-list", path: app + "shop?view=list", says: []string{"Deployment"}},
	{name: "application-pods", path: app + "checkout?view=pods", says: []string{"checkout"}},
	{name: "object-summary", path: app + "shop?node=apps/Deployment/shop/shop", says: []string{"Deployment"}},
	{name: "object-manifest", path: app + "shop?node=apps/Deployment/shop/shop&tab=manifest", says: []string{"apiVersion"}},
	{name: "object-diff", path: app + "ledger?node=apps/Deployment/ledger/ledger&tab=diff", says: []string{"replicas", "kubectl-edit"}},
	{name: "object-events", path: app + "shop?node=apps/Deployment/shop/shop&tab=events", says: []string{"ScalingReplicaSet"}},
	{name: "object-logs", path: app + "shop?node=apps/Deployment/shop/shop&tab=logs", says: []string{"payment gateway answered 502"}},
	{name: "diff", path: app + "ledger?panel=diff", says: []string{"replicas", "LOG_LEVEL"}},
	{name: "sync", path: app + "ledger?panel=sync", says: []string{"Prune"}},
	{name: "operation-running", path: app + "notifier?panel=operation", says: []string{"migrate-queue"}},
	{name: "operation-failed", path: app + "payments?panel=operation", says: []string{"immutable"}},
	{name: "operation-waves", path: app + "reports?panel=operation", says: []string{"warm-up"}},
	{name: "history", path: app + "checkout?panel=history", says: []string{"Update checkout to 4.2.0"}},
	{name: "events", path: app + "checkout?panel=events", says: []string{"checkout"}},
	{name: "details", path: app + "shop?panel=details", says: []string{"services/shop"}},
	{name: "delete", path: app + "search?panel=delete", says: []string{"search"}},
	{name: "edit", path: app + "shop?panel=edit", says: []string{"services/shop"}},
	{name: "new", path: "/new", says: []string{"Repository"}},
	{name: "settings", path: "/settings", says: []string{"Repositories", "Projects", "Clusters"}},
	{name: "settings-repositories", path: "/settings/repos", says: []string{"Repositories"}},
	{name: "settings-projects", path: "/settings/projects", says: []string{"shop"}},
	{name: "settings-project", path: "/settings/projects/shop", says: []string{"What customers see"}},
	{name: "settings-clusters", path: "/settings/clusters", says: []string{"edge-frankfurt"}},
	{name: "settings-accounts", path: "/settings/accounts", says: []string{"shopkeeper"}},
	{name: "settings-certificates", path: "/settings/certs", says: []string{"Certificates and known hosts"}},
	{name: "settings-gpgkeys", path: "/settings/gpgkeys", says: []string{"GnuPG"}},
	{name: "settings-appearance", path: "/settings/appearance", says: []string{"Dark"}},
	{name: "user", path: "/user-info", says: []string{"admin"}},
	{name: "help", path: "/help", says: []string{"OutOfSync"}},
}

var phone = view{width: 390, height: 844}

// show opens a screen, and waits until it is whole.
func (s screen) show(b *tab) {
	b.Helper()
	if s.stranger {
		b.goTo(s.path)
	} else if b.who == "" {
		b.logIn("admin", s.path)
	} else {
		b.goTo(s.path)
	}
	b.see(s.says...)
	if s.do != nil {
		s.do(b)
	}
	b.calm()
}

// Every screen, light and dark, wide and narrow, keeps nobody out, throws nothing, asks nobody else, and is not wider
// than the window.
func TestScreens(t *testing.T) {
	w := theWorld(t)
	for _, v := range []struct {
		name string
		view
	}{{"light-1440", desk}, {"dark-1440", view{1440, 900, true}}, {"light-390", phone}, {"dark-390", view{390, 844, true}}} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel() // most of the time of a screen is waiting until it is calm
			strange, known := w.tab(t, v.view), w.tab(t, v.view)
			for _, s := range screens {
				t.Run(s.name, func(t *testing.T) {
					b := known
					if s.stranger {
						b = strange
					}
					b.TB = t
					s.show(b)
					b.fit()
					if wide := evaluate[int](b, "document.documentElement.scrollWidth"); int64(wide) > v.width {
						t.Errorf("the page is %d wide in a window of %d", wide, v.width)
					}
					for _, what := range b.cut() {
						t.Errorf("cut off at the side of its dialog: %s", what)
					}
				})
			}
		})
	}
}

// TestImages photographs every screen into the folder that HAWSER_IMAGES names: make images.
func TestImages(t *testing.T) {
	to := os.Getenv("HAWSER_IMAGES")
	if to == "" {
		t.Skip("it photographs for people: make images")
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		t.Fatal(err)
	}
	w := theWorld(t)
	for _, v := range []view{desk, {1440, 900, true}, phone, {390, 844, true}} {
		strange, known := w.tab(t, v), w.tab(t, v)
		for _, s := range screens {
			if only := os.Getenv("HAWSER_SCREEN"); only != "" && !strings.Contains(s.name, only) {
				continue
			}
			t.Run(s.name+"-"+v.String(), func(t *testing.T) {
				b := known
				if s.stranger {
					b = strange
				}
				b.TB = t
				s.show(b)
				time.Sleep(300 * time.Millisecond) // pictures of something that is still moving are nobody's
				b.picture(filepath.Join(to, s.name+"-"+v.String()+".png"))
			})
		}
	}
}
