package browser_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	logs "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long something may take to appear: the machine may be busy.
const patience = 30 * time.Second

// browser is the one Chromium of this test process; every tab has cookies and a cache of its own.
var browser struct {
	once sync.Once
	ctx  context.Context
	err  error
}

// chromium finds the browser; tools/test installs Debian's.
func chromium() (string, error) {
	for _, name := range []string{os.Getenv("HAWSER_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if name == "" {
			continue
		}
		if at, err := exec.LookPath(name); err == nil {
			return at, nil
		}
	}
	return "", errors.New("no Chromium: install Debian's package chromium, or name one in HAWSER_CHROMIUM")
}

func launch() {
	at, err := chromium()
	if err != nil {
		browser.err = err
		return
	}
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.ExecPath(at), chromedp.NoSandbox, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("font-render-hinting", "none"), chromedp.Flag("force-color-profile", "srgb"))
	ctx, _ := chromedp.NewExecAllocator(context.Background(), options...)
	browser.ctx, _ = chromedp.NewContext(ctx)
	browser.err = chromedp.Do(browser.ctx)
}

// view is how somebody looks at the page.
type view struct {
	width, height int64
	dark          bool
}

var desk = view{width: 1440, height: 900}

func (v view) String() string {
	if v.dark {
		return fmt.Sprintf("dark-%d", v.width)
	}
	return fmt.Sprintf("light-%d", v.width)
}

// tab is a window of the browser. At the end of the test it fails when the page threw an error, broke its own policy, or
// asked anybody else for anything.
type tab struct {
	testing.TB
	w   *world
	ctx context.Context
	who string // is logged in; "" for nobody

	mu       sync.Mutex
	requests []string // addresses asked for
	faults   []string // what the browser complained about
}

// tab opens an empty window.
func (w *world) tab(t testing.TB, v view) *tab {
	t.Helper()
	browser.once.Do(launch)
	if browser.err != nil {
		t.Fatal(browser.err) // never skipped: a machine without a browser must not look green
	}
	ctx, cancel := chromedp.NewContext(browser.ctx, chromedp.WithNewBrowserContext())
	b := &tab{TB: t, w: w, ctx: ctx}
	if err := chromedp.Listen(ctx, b.heard); err != nil {
		t.Fatal(err)
	}
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	b.do(chromedp.EmulateViewport(v.width, v.height))
	tell(b, network.Enable, network.EnableParams{})
	tell(b, logs.Enable, cdp.Empty{})
	tell(b, accessibility.Enable, cdp.Empty{})
	tell(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}) // several are open at once
	tell(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	t.Cleanup(func() {
		if t.Failed() {
			b.picture(filepath.Join(os.TempDir(), "hawser-"+strings.ReplaceAll(t.Name(), "/", "-")+".png"))
		}
		cancel()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, f := range b.faults {
			t.Errorf("the browser complains: %s", f)
		}
		for _, at := range b.requests {
			if u, err := url.Parse(at); err != nil || u.Scheme != "data" && u.Scheme != "blob" && u.Scheme+"://"+u.Host != w.url && "http"+strings.TrimPrefix(u.Scheme, "ws")+"://"+u.Host != w.url {
				t.Errorf("the page asked for %s", at)
			}
		}
	})
	return b
}

func (b *tab) heard(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	case *network.EventWebSocketCreated:
		b.requests = append(b.requests, e.URL)
	case *runtime.EventExceptionThrown:
		b.faults = append(b.faults, thrown(e.ExceptionDetails))
	case *logs.EventEntryAdded:
		// An answer that is an error is none of the page's: a login that fails is one.
		if e.Entry.Level == logs.EntryLevelError && e.Entry.Source != logs.EntrySourceNetwork {
			b.faults = append(b.faults, e.Entry.Text)
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			var words []string
			for _, a := range e.Args {
				words = append(words, string(a.Value)+a.Description)
			}
			b.faults = append(b.faults, strings.Join(words, " "))
		}
	}
}

func thrown(e *runtime.ExceptionDetails) string {
	if e.Exception != nil {
		return e.Text + " " + e.Exception.Description
	}
	return e.Text
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// ask gives the browser a command of its protocol.
func ask[P, R any](b *tab, command cdp.Command[P, R], params P) (R, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Call(ctx, command, params)
}

// tell is ask for a command that cannot be refused.
func tell[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.Helper()
	r, err := ask(b, command, params)
	if err != nil {
		b.Fatalf("%s: %v", command.Method, err)
	}
	return r
}

// goTo opens an address of the page.
func (b *tab) goTo(path string) {
	b.Helper()
	b.do(chromedp.Navigate(b.w.url + path))
}

// logIn opens an address as somebody.
func (b *tab) logIn(who, path string) {
	b.Helper()
	b.goTo("/login?return_url=" + url.QueryEscape(path))
	b.fill("User name", who)
	b.fill("Password", password)
	b.press(kb.Enter)
	b.until("the login is over", func() error {
		if at := b.at(); strings.HasPrefix(at, "/login") {
			return fmt.Errorf("still at %s", at)
		}
		return nil
	})
	b.who = who
}

// calm waits until nothing on the screen says that it waits, and the screen has stayed the same for a moment; a log that
// is followed never does, and is waited for no longer than three seconds.
func (b *tab) calm() {
	b.Helper()
	last, since, began := "", time.Now(), time.Now()
	b.until("the screen is calm", func() error {
		now := evaluate[string](b, `[...document.querySelectorAll("[role=status]")].filter(e => e.innerText.endsWith("…")).length + " " + document.body.innerText.length`)
		if now != last {
			last, since = now, time.Now()
		}
		if !strings.HasPrefix(now, "0 ") || time.Since(since) < 300*time.Millisecond && time.Since(began) < 3*time.Second {
			return errors.New("it still changes: " + now)
		}
		return nil
	})
}

// at is where the tab is, without the server.
func (b *tab) at() string {
	b.Helper()
	return strings.TrimPrefix(evaluate[string](b, "location.href"), b.w.url)
}

// text is all that is to be read on the screen.
func (b *tab) text() string {
	b.Helper()
	return evaluate[string](b, `document.body.innerText + "\n" + [...document.querySelectorAll("input,textarea")].map(e => e.value).join("\n")`)
}

// see waits until every text is to be read on the screen.
func (b *tab) see(texts ...string) {
	b.Helper()
	b.until("see "+strings.Join(texts, ", "), func() error {
		shown := squash(b.text())
		for _, text := range texts {
			if !strings.Contains(shown, squash(text)) {
				return fmt.Errorf("%q is not there, but:\n%s", text, clip(shown))
			}
		}
		return nil
	})
}

// miss demands that a text is not to be read.
func (b *tab) miss(texts ...string) {
	b.Helper()
	shown := squash(b.text())
	for _, text := range texts {
		if strings.Contains(shown, squash(text)) {
			b.Errorf("%q is there", text)
		}
	}
}

// gone waits until none of the texts is to be read any more.
func (b *tab) gone(texts ...string) {
	b.Helper()
	b.until("gone is "+strings.Join(texts, ", "), func() error {
		shown := squash(b.text())
		for _, text := range texts {
			if strings.Contains(shown, squash(text)) {
				return fmt.Errorf("%q is there:\n%s", text, clip(shown))
			}
		}
		return nil
	})
}

// squash makes one blank of all white space: how lines are broken is not what a test is about.
func squash(s string) string { return strings.Join(strings.Fields(s), " ") }

func clip(s string) string {
	if len(s) > 3000 {
		s = s[:3000] + "…"
	}
	return s
}

// until tries until check returns nil.
func (b *tab) until(what string, check func() error) {
	b.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			b.Fatalf("%s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// element is something on the screen as screen readers know it.
type element struct {
	role, name string
	node       cdp.BackendNodeID
	states     map[string]string // disabled, pressed, expanded, selected, checked, focused …
}

// elements are those of a role whose name has a part; an empty part fits all.
func (b *tab) elements(role, part string) (list []element) {
	b.Helper()
	root := tell(b, dom.GetDocument, dom.GetDocumentParams{})
	found, err := ask(b, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{BackendNodeID: root.Root.BackendNodeID, Role: role})
	if err != nil {
		return nil // the page was changed for another in between
	}
	for _, n := range found.Nodes {
		if n.Ignored {
			continue
		}
		e := element{role: role, name: told(n.Name), node: n.BackendDOMNodeID, states: map[string]string{}}
		for _, p := range n.Properties {
			if p.Value != nil {
				e.states[string(p.Name)] = strings.Trim(string(p.Value.Value), `"`)
			}
		}
		if strings.Contains(squash(e.name), part) {
			list = append(list, e)
		}
	}
	return list
}

// told is a value of the accessibility tree as text.
func told(v *accessibility.Value) (text string) {
	if v != nil {
		_ = json.Unmarshal(v.Value, &text)
	}
	return text
}

// find waits for an element of a role: the one with exactly the name, or else the first whose name has it as a part.
func (b *tab) find(role, name string) element {
	b.Helper()
	var found element
	b.until("find "+role+" "+name, func() error {
		list := b.elements(role, name)
		for _, e := range list {
			if squash(e.name) == name {
				found = e
				return nil
			}
		}
		if len(list) == 0 {
			return fmt.Errorf("there is none; the screen says\n%s", clip(squash(b.text())))
		}
		found = list[0]
		return nil
	})
	return found
}

// twice is over when the browser has drawn twice: nobody presses what they have not seen yet.
const twice = `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`

// click presses the mouse on an element, once it stands still.
func (b *tab) click(role, name string) {
	b.Helper()
	b.until("click "+role+" "+name, func() error {
		e := b.find(role, name)
		if e.states["disabled"] == "true" {
			return errors.New("it is disabled")
		}
		x, y, err := b.where(e)
		if err != nil {
			return err // it was drawn anew in between
		}
		evaluate[bool](b, twice)
		if x2, y2, err := b.where(e); err != nil || x != x2 || y != y2 {
			return fmt.Errorf("it still moves, as a menu that has just opened does: %v", err)
		}
		b.do(chromedp.MouseClickXY(x, y))
		return nil
	})
}

// where is the middle of an element, after it was brought into view.
func (b *tab) where(e element) (x, y float64, err error) {
	if _, err := ask(b, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: e.node}); err != nil {
		return 0, 0, err
	}
	r, err := ask(b, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: e.node})
	if err != nil {
		return 0, 0, err
	}
	if len(r.Quads) == 0 || len(r.Quads[0]) != 8 {
		return 0, 0, errors.New("it has no place on the screen")
	}
	for i := 0; i < 8; i += 2 {
		x, y = x+r.Quads[0][i]/4, y+r.Quads[0][i+1]/4
	}
	return x, y, nil
}

// fill writes into a field in place of what is there. A field with suggestions is a combobox to screen readers.
func (b *tab) fill(label, text string) {
	b.Helper()
	b.until("fill "+label, func() error {
		var list []element
		for _, role := range []string{"textbox", "combobox", "searchbox"} {
			list = append(list, b.elements(role, label)...)
		}
		if len(list) == 0 {
			return fmt.Errorf("there is no such field; the screen says\n%s", clip(squash(b.text())))
		}
		e := list[max(0, slices.IndexFunc(list, func(e element) bool { return squash(e.name) == label }))]
		if _, err := ask(b, dom.Focus, dom.FocusParams{BackendNodeID: e.node}); err != nil {
			return err
		}
		b.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.select?.()`))
		_, err := ask(b, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}

// press presses keys, one after the other: letters, and those of package kb.
func (b *tab) press(keys ...string) {
	b.Helper()
	for _, k := range keys {
		for _, r := range k {
			b.key(r, 0)
		}
	}
}

// key presses one key. What it writes goes with the press, as with a real keyboard: where the page takes the key for
// itself, nothing is written.
func (b *tab) key(r rune, held chromedp.Modifier) {
	b.Helper()
	var down, up *input.DispatchKeyEventParams
	for _, e := range kb.Encode(r) {
		e.Modifiers |= int64(held)
		switch e.Type {
		case kb.KeyDown:
			down = e
		case kb.KeyUp:
			up = e
		case kb.KeyChar:
			if held&^chromedp.ModifierShift == 0 {
				down.Text, down.UnmodifiedText = e.Text, e.UnmodifiedText
			}
		}
	}
	tell(b, input.DispatchKeyEvent, *down)
	tell(b, input.DispatchKeyEvent, *up)
}

// chord presses a key while others are held: Ctrl, Shift.
func (b *tab) chord(key string, held chromedp.Modifier) {
	b.Helper()
	for _, r := range key {
		b.key(r, held)
	}
}

// pick chooses in a list of choices, by the first letters of one.
func (b *tab) pick(label, choice string) {
	b.Helper()
	e := b.find("combobox", label)
	if _, err := ask(b, dom.Focus, dom.FocusParams{BackendNodeID: e.node}); err != nil {
		b.Fatal(err)
	}
	b.press(choice)
}

// back is the browser's button.
func (b *tab) back() {
	b.Helper()
	evaluate[bool](b, "history.back(); true")
}

// allow answers yes, when the page asks for something that a browser asks people about.
func (b *tab) allow(what ...string) {
	b.Helper()
	for _, name := range what {
		tell(b, cdpbrowser.SetPermission, cdpbrowser.SetPermissionParams{Permission: &cdpbrowser.PermissionDescriptor{Name: name}, Setting: cdpbrowser.PermissionSettingGranted, Origin: b.w.url, BrowserContextID: b.context()})
	}
}

// downloads has the browser put what is downloaded into a folder, and returns it.
func (b *tab) downloads() string {
	b.Helper()
	dir := b.TempDir()
	tell(b, cdpbrowser.SetDownloadBehavior, cdpbrowser.SetDownloadBehaviorParams{Behavior: cdpbrowser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, BrowserContextID: b.context()})
	return dir
}

// context is what the browser knows this window's cookies and permissions by.
func (b *tab) context() cdp.BrowserContextID {
	b.Helper()
	return tell(b, target.GetTargetInfo, target.GetTargetInfoParams{}).TargetInfo.BrowserContextID
}

// reload asks the server for the whole page anew.
func (b *tab) reload() {
	b.Helper()
	b.do(chromedp.Reload())
}

// none waits until nothing of a role has a name with one of the parts.
func (b *tab) none(role string, parts ...string) {
	b.Helper()
	b.until("no "+role+" "+strings.Join(parts, ", "), func() error {
		for _, part := range parts {
			for _, e := range b.elements(role, part) {
				return fmt.Errorf("%s: there is %q", b.at(), squash(e.name))
			}
		}
		return nil
	})
}

// focused is what has the focus, as screen readers say it: role and name.
func (b *tab) focused() string {
	b.Helper()
	object := tell(b, runtime.Evaluate, runtime.EvaluateParams{Expression: `document.activeElement`})
	r := tell(b, accessibility.GetPartialAXTree, accessibility.GetPartialAXTreeParams{ObjectID: object.Result.ObjectID, FetchRelatives: new(bool)})
	if len(r.Nodes) == 0 {
		return ""
	}
	return told(r.Nodes[0].Role) + " " + squash(told(r.Nodes[0].Name))
}

// tabTo presses Tab until something has the focus whose role and name begin so.
func (b *tab) tabTo(told string) {
	b.Helper()
	var seen []string
	for range 200 {
		if f := b.focused(); strings.HasPrefix(f, told) {
			return
		} else {
			seen = append(seen, f)
		}
		b.press(kb.Tab)
	}
	b.Fatalf("Tab never leads to %q, but to %s", told, strings.Join(seen, " → "))
}

// evaluate runs a script in the page, for what only a script can tell.
func evaluate[T any](b *tab, script string) (value T) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatal(err)
	}
	return value
}

// picture writes what is on the screen into a PNG file.
func (b *tab) picture(file string) {
	shot, err := ask(b, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	data := shot.Data
	if err == nil {
		data, err = light(data)
	}
	if err == nil {
		err = os.WriteFile(file, data, 0o644)
	}
	if err != nil {
		b.Logf("no picture: %v", err)
	}
}

// fit fails when axe-core finds something that keeps people out.
func (b *tab) fit() {
	b.Helper()
	axe, err := os.ReadFile("../../web/node_modules/axe-core/axe.min.js")
	if err != nil {
		b.Fatalf("%v: run make web", err)
	}
	b.do(chromedp.Evaluate[chromedp.Void](string(axe) + ";0"))
	type violation struct {
		ID, Help string
		Nodes    []struct {
			HTML           string
			FailureSummary string
		}
	}
	for _, v := range evaluate[[]violation](b, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => ({html: n.html, failureSummary: n.failureSummary}))})))`) {
		b.Errorf("%s: axe: %s: %s", b.at(), v.ID, v.Help)
		for _, n := range v.Nodes {
			b.Logf("  %s\n  %s", clip(n.HTML), n.FailureSummary)
		}
	}
}

// cut returns what reaches beyond the side of the dialog that it is in, where nobody can scroll to it.
func (b *tab) cut() []string {
	b.Helper()
	return evaluate[[]string](b, `[...document.querySelectorAll("dialog[open]")].flatMap((dialog) => {
		const edge = dialog.getBoundingClientRect().right + 1;
		const reached = (e) => {
			for (let up = e.parentElement; up && up !== dialog; up = up.parentElement) {
				const style = getComputedStyle(up);
				if (style.position === "fixed" || /auto|scroll/.test(style.overflowX) && up.getBoundingClientRect().right <= edge) return true;
			}
			return false;
		};
		// the body of a dialog scrolls up and down: to scroll it sideways is no way to read
		return [...dialog.querySelectorAll("p, h2, h3, dd, li, button, td, label, span")]
			.filter((e) => e.offsetParent && e.getBoundingClientRect().width > 2 && e.getBoundingClientRect().right > edge && !reached(e))
			.slice(0, 3).map((e) => e.textContent.slice(0, 60));
	})`)
}
