package browser_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// lasting gives the world to all tests of this process: it takes a minute to fill.
type lasting struct{ testing.TB }

func (lasting) Cleanup(f func()) { atEnd = append(atEnd, f) }

func (l lasting) TempDir() string {
	dir, err := os.MkdirTemp("", "hawser-browser-")
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

var atEnd []func()

func TestMain(m *testing.M) {
	code := m.Run()
	for i := len(atEnd) - 1; i >= 0; i-- {
		atEnd[i]()
	}
	os.Exit(code)
}

var filled struct {
	once sync.Once
	w    *world
}

// theWorld is the one that tests share: they look at it, and change only what no other looks at.
func theWorld(t *testing.T) *world {
	t.Helper()
	filled.once.Do(func() {
		w := open(lasting{t}, "127.0.0.1:0", nil)
		w.settle(t)
		filled.w = w
	})
	if filled.w == nil {
		t.Fatal("there is no world: the first test says why")
	}
	return filled.w
}

func TestLogin(t *testing.T) {
	b := theWorld(t).tab(t, desk)
	b.goTo("/applications?health=Degraded")
	b.see("Log in")
	b.fit()
	b.fill("User name", "admin")
	b.fill("Password", "wrong")
	b.press(kb.Enter)
	b.see("This user name and password do not fit.")
	b.fill("Password", password)
	b.press(kb.Enter)
	b.see("checkout")
	if at := b.at(); !strings.Contains(at, "Degraded") {
		t.Errorf("the login led to %s, and not where it was asked for", at)
	}
}

func TestLoginLeadsNowhereElse(t *testing.T) {
	b := theWorld(t).tab(t, desk)
	for _, to := range []string{"//evil.example", `/\evil.example`, "https://evil.example", "javascript:alert(1)", "/%09/evil.example"} {
		b.logIn("admin", to) // a path of our own that leads nowhere is no danger: the page says so
		if at := b.at(); !strings.HasPrefix(at, "/") {
			t.Errorf("%s led to %s", to, at)
		}
	}
}
