//go:build unix

package report_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/daemonize/daemonize/hardening"
	"github.com/daemonize/daemonize/hardening/report"
	"github.com/daemonize/daemonize/spec/diag"
)

// browser is a page in headless Chromium, driven by WebDriver
// (https://www.w3.org/TR/webdriver2/).
type browser struct {
	t       *testing.T
	session string // its address
	shots   string // directory for screenshots: DAEMONIZE_SCREENSHOTS
}

// open starts a browser, or skips the test where there is none.
func open(t *testing.T) *browser {
	t.Helper()
	for _, program := range []string{"chromium", "chromedriver"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed (Debian: chromium, chromium-driver)", program)
		}
	}
	dir := t.TempDir()
	driver := exec.Command("chromedriver", "--port=0")
	driver.Stderr = os.Stderr
	driver.Dir = dir
	// Of its own group, so that no browser is left if the driver dies.
	driver.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := driver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := driver.Start(); err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, shots: os.Getenv("DAEMONIZE_SCREENSHOTS")}
	t.Cleanup(func() {
		if b.session != "" {
			b.call("DELETE", "", nil)
		}
		syscall.Kill(-driver.Process.Pid, syscall.SIGKILL)
		driver.Wait()
	})
	port := ""
	lines := bufio.NewScanner(out)
	for port == "" && lines.Scan() {
		if _, after, ok := strings.Cut(lines.Text(), "successfully on port "); ok {
			port = strings.TrimSuffix(after, ".")
		}
	}
	if port == "" {
		t.Fatal("chromedriver did not start")
	}
	go io.Copy(io.Discard, out)

	b.session = "http://127.0.0.1:" + port + "/session"
	var started struct{ SessionID string }
	b.get(&started, "POST", "", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"goog:chromeOptions": map[string]any{"args": []string{
			"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--hide-scrollbars", "--user-data-dir=" + filepath.Join(dir, "profile"),
		}},
		"goog:loggingPrefs":       map[string]string{"browser": "ALL", "performance": "ALL"},
		"unhandledPromptBehavior": "ignore", // an alert must be noticed
	}}})
	b.session += "/" + started.SessionID
	return b
}

func (b *browser) call(method, path string, body any) ([]byte, error) {
	payload, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(method, b.session+path, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s", method, path, text)
	}
	return text, err
}

func (b *browser) get(value any, method, path string, body any) {
	b.t.Helper()
	if body == nil {
		body = map[string]any{}
	}
	text, err := b.call(method, path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := json.Unmarshal(text, &struct{ Value any }{value}); err != nil {
		b.t.Fatalf("%s: %v", text, err)
	}
}

// eval returns what a script does, as a value of type T.
func eval[T any](b *browser, script string, args ...any) (v T) {
	b.t.Helper()
	if args == nil {
		args = []any{}
	}
	b.get(&v, "POST", "/execute/sync", map[string]any{"script": script, "args": args})
	return v
}

// cdp sends a command of the DevTools protocol.
func (b *browser) cdp(value any, command string, params map[string]any) {
	b.t.Helper()
	if params == nil {
		params = map[string]any{}
	}
	b.get(value, "POST", "/goog/cdp/execute", map[string]any{"cmd": command, "params": params})
}

// Keys of WebDriver.
const (
	keyTab    = "\ue004"
	keyEnter  = "\ue007"
	keyEscape = "\ue00c"
	keySpace  = "\ue00d"
	keyDown   = "\ue015"
	keyShift  = "\ue008"
)

// press types keys, one after the other; Shift holds for the next.
func (b *browser) press(keys string) {
	b.t.Helper()
	var actions []map[string]string
	held := false
	for _, k := range keys {
		key := string(k)
		actions = append(actions, map[string]string{"type": "keyDown", "value": key})
		if key == keyShift {
			held = true
			continue
		}
		actions = append(actions, map[string]string{"type": "keyUp", "value": key})
		if held {
			actions = append(actions, map[string]string{"type": "keyUp", "value": keyShift})
			held = false
		}
	}
	b.get(nil, "POST", "/actions", map[string]any{"actions": []any{map[string]any{"type": "key", "id": "keyboard", "actions": actions}}})
}

// tabTo goes forward with the Tab key to the element that a script expression
// about el accepts, and fails if it cannot be seen that it has the focus.
func (b *browser) tabTo(what string) {
	b.t.Helper()
	for range 100 {
		b.press(keyTab)
		if eval[bool](b, "const el = document.activeElement; return Boolean("+what+")") {
			if outline := eval[string](b, `
				const el = document.activeElement, shown = el.type === 'checkbox' ? el.parentElement : el;
				return getComputedStyle(shown).outlineStyle`); outline == "none" {
				b.t.Errorf("%s: it does not show that it has the focus", what)
			}
			return
		}
	}
	b.t.Fatalf("the Tab key does not lead to %s", what)
}

// screenshot saves what is to be seen, if somebody wants to look at it. A busy
// machine may have no frame to give for minutes, so it is not for every run.
func (b *browser) screenshot(name string) {
	b.t.Helper()
	if b.shots == "" {
		return
	}
	var shot struct{ Data string }
	b.cdp(&shot, "Page.captureScreenshot", map[string]any{"captureBeyondViewport": false})
	b.save(name+".png", shot.Data)
}

// save checks and keeps a picture or document.
func (b *browser) save(name, encoded string) {
	b.t.Helper()
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(data) < 1000 {
		b.t.Fatalf("%s: %d bytes, %v", name, len(data), err)
	}
	if b.shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(b.shots, name), data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) size(width, height int) {
	b.t.Helper()
	b.cdp(nil, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false})
}

func (b *browser) media(media, scheme string) {
	b.t.Helper()
	b.cdp(nil, "Emulation.setEmulatedMedia", map[string]any{"media": media, "features": []any{map[string]string{"name": "prefers-color-scheme", "value": scheme}}})
}

// visit writes a report to a file and opens it.
func (b *browser) visit(page []byte) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "audit.html")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.get(nil, "POST", "/url", map[string]string{"url": "file://" + file})
}

// quiet fails if the page complained, or asked for anything but itself.
func (b *browser) quiet() {
	b.t.Helper()
	type entry struct{ Level, Message string }
	var console []entry
	b.get(&console, "POST", "/se/log", map[string]string{"type": "browser"})
	for _, e := range console {
		b.t.Errorf("the console says %s: %s", e.Level, e.Message)
	}
	var events []entry
	b.get(&events, "POST", "/se/log", map[string]string{"type": "performance"})
	documents := 0
	for _, e := range events {
		var event struct {
			Message struct {
				Method string
				Params struct {
					DocumentURL string
					Request     struct{ URL string }
				}
			}
		}
		if err := json.Unmarshal([]byte(e.Message), &event); err != nil {
			b.t.Fatal(err)
		}
		// The page of a new tab, before ours, is none of our business.
		if event.Message.Method != "Network.requestWillBeSent" || strings.HasPrefix(event.Message.Params.DocumentURL, "chrome:") {
			continue
		}
		switch url := event.Message.Params.Request.URL; {
		case strings.HasPrefix(url, "file://") && strings.HasSuffix(url, "/audit.html"):
			documents++
		case strings.HasPrefix(url, "data:"):
		default:
			b.t.Errorf("the page asks for %s", url)
		}
	}
	if documents == 0 {
		b.t.Error("not even the page itself was seen to be asked for")
	}
}

// names returns the units that can be seen, in their order.
func (b *browser) names() []string {
	b.t.Helper()
	return eval[[]string](b, `return Array.from(document.querySelectorAll('.unit'), u => u).filter(u => u.offsetParent || u.getClientRects().length).map(u => u.querySelector('.name').textContent)`)
}

// contrast finds text that is too faint to read: below 4.5 to 1, or 3 to 1
// where it is large (WCAG 2.1, 1.4.3).
const contrast = `
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
const rgba = (color) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3]));
const ground = (el) => {
  if (!el) return [255, 255, 255];
  const own = rgba(getComputedStyle(el).backgroundColor);
  return own[3] === 1 ? own.slice(0, 3) : over(own, ground(el.parentElement));
};
const light = (c) => { const [r, g, b] = c.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
const bad = new Set();
const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let n = walk.nextNode(); n; n = walk.nextNode()) {
  const el = n.parentElement;
  if (!n.data.trim() || !el.checkVisibility({checkOpacity: true}) || el.closest('.hush, .skip, script, style')) continue;
  const style = getComputedStyle(el), back = ground(el);
  let opacity = 1;
  for (let e = el; e; e = e.parentElement) opacity *= Number(getComputedStyle(e).opacity);
  const color = rgba(style.color);
  color[3] *= opacity;
  const [a, b] = [light(over(color, back)), light(back)].sort((x, y) => y - x);
  const ratio = (a + .05) / (b + .05), size = parseFloat(style.fontSize);
  const large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
  if (ratio < (large ? 3 : 4.5)) bad.add(el.className + ' ' + n.data.trim().slice(0, 30) + ' ' + ratio.toFixed(2));
}
return Array.from(bad);`

// unnamed finds controls that a screen reader cannot name.
func (b *browser) unnamed() []string {
	b.t.Helper()
	b.cdp(nil, "Accessibility.enable", nil)
	var tree struct {
		Nodes []struct {
			Ignored    bool
			Role, Name struct{ Value any }
		}
	}
	b.cdp(&tree, "Accessibility.getFullAXTree", nil)
	var out []string
	named := 0
	for _, n := range tree.Nodes {
		role := fmt.Sprint(n.Role.Value)
		if n.Ignored || !slices.Contains([]string{"button", "checkbox", "searchbox", "link", "table", "columnheader"}, role) {
			continue
		}
		if name, _ := n.Name.Value.(string); strings.TrimSpace(name) == "" {
			out = append(out, role)
		} else {
			named++
		}
	}
	if named < 30 {
		b.t.Errorf("only %d controls have a name", named)
	}
	return out
}

// TestPageInBrowser uses the page as people do, with the keyboard only.
func TestPageInBrowser(t *testing.T) {
	b := open(t)
	threshold := hardening.Exposure(90)
	b.size(1280, 1500)
	b.media("screen", "light")
	b.visit(write(t, "html", report.Options{Threshold: &threshold, FailOn: hardening.SeverityHigh}, results(t)))
	b.screenshot("light")

	worstFirst := b.names()
	if len(worstFirst) != 11 || worstFirst[0] != "legacy@i.service" || worstFirst[1] != "nginx.service" || worstFirst[10] != "queue" {
		t.Errorf("the units are %q", worstFirst)
	}
	if !slices.Contains(worstFirst, diag.Printable(hostile)+".service") {
		t.Error("a hostile name is not shown as it is")
	}
	if n := eval[int](b, "return document.querySelectorAll('.over').length"); n != 3 {
		t.Errorf("%d units are marked as above the threshold, want 3", n)
	}
	if n := eval[int](b, "return document.scripts.length"); n != 2 {
		t.Errorf("there are %d scripts, want our 2", n)
	}
	if bad := eval[[]string](b, contrast); len(bad) > 0 {
		t.Errorf("light: too faint: %q", bad)
	}
	if bad := b.unnamed(); len(bad) > 0 {
		t.Errorf("without a name: %q", bad)
	}

	t.Log("theme")
	b.tabTo("el.id === 'theme'")
	ground := "return getComputedStyle(document.body).backgroundColor"
	before := eval[string](b, ground)
	b.press(keyEnter)
	if after := eval[string](b, ground); after == before || eval[string](b, "return document.activeElement.textContent") != "Light theme" {
		t.Errorf("the theme stays %s", after)
	}
	if bad := eval[[]string](b, contrast); len(bad) > 0 {
		t.Errorf("dark: too faint: %q", bad)
	}
	b.screenshot("dark")

	t.Log("search")
	b.press("/nginx")
	if got := b.names(); !slices.Equal(got, []string{"nginx.service"}) {
		t.Errorf("search for nginx: %q", got)
	}
	if got := eval[string](b, "return document.querySelector('#count').textContent"); got != "1 of 11 units" {
		t.Errorf("the status says %q", got)
	}
	b.press(keyEscape)
	b.press("token environment") // in a finding
	if got := b.names(); !slices.Equal(got, []string{"nginx.service"}) {
		t.Errorf("search for words of a finding: %q", got)
	}
	b.press(keyEscape + "zzz")
	if got := b.names(); len(got) != 0 || !eval[bool](b, "return document.querySelector('#nothing').checkVisibility()") {
		t.Errorf("search for zzz: %q", got)
	}
	b.press(keyEscape)
	if got := b.names(); !slices.Equal(got, worstFirst) {
		t.Errorf("after the search: %q", got)
	}

	t.Log("filters")
	for _, f := range []struct {
		group, value string
		want         []string
	}{
		{"rating", "MEDIUM", []string{"worker.service"}},
		{"severity", "critical", []string{"nginx.service"}},
		{"severity", "info", []string{"api.service"}},
		{"backend", "launchd", []string{"org.example.agent"}},
		{"rating", "NONE", []string{"org.example.agent", diag.Printable(hostile), "broken.service", "nightly.timer", "queue"}},
	} {
		b.press("/" + keyEscape)
		b.tabTo(fmt.Sprintf("el.name === %q && el.value === %q", f.group, f.value))
		b.press(keySpace)
		if got := b.names(); !slices.Equal(got, f.want) {
			t.Errorf("%s %s: %q, want %q", f.group, f.value, got, f.want)
		}
		b.press(keySpace)
		if got := b.names(); !slices.Equal(got, worstFirst) {
			t.Errorf("without %s %s: %q", f.group, f.value, got)
		}
	}

	t.Log("sort")
	for _, s := range []struct {
		key   string
		first string // after one press
		last  string // after two
	}{
		{"name", diag.Printable(hostile), worstFirst[7]},
		{"backend", "org.example.agent", "legacy@i.service"},
		{"findings", "nginx.service", "legacy@i.service"},
		{"gain", "nginx.service", "org.example.agent"},
		{"exposure", "legacy@i.service", "org.example.agent"},
	} {
		b.press("/" + keyEscape)
		b.tabTo(fmt.Sprintf("el.closest('th')?.dataset.key === %q", s.key))
		b.press(keyEnter)
		state := func() string {
			return eval[string](b, "return Array.from(document.querySelectorAll('[aria-sort]'), th => th.dataset.key + ' ' + th.getAttribute('aria-sort')).join()")
		}
		want := s.key + " descending"
		if s.key == "name" || s.key == "backend" {
			want = s.key + " ascending"
		}
		if got := state(); got != want {
			t.Errorf("sorted by %q, want %q", got, want)
		}
		got := b.names()
		t.Logf("%s: %q", want, got)
		if s.key == "name" && !slices.IsSorted(got) {
			t.Errorf("%s: %q", want, got)
		}
		if got[0] != s.first {
			t.Errorf("%s begins with %q, want %q", want, got[0], s.first)
		}
		b.press(keyEnter)
		if got := b.names(); got[0] == s.first {
			t.Errorf("%s: %q in the other order", s.key, got)
		}
	}
	b.press(keyEnter) // worst first again
	if got := b.names(); !slices.Equal(got, worstFirst) {
		t.Errorf("sorted back: %q", got)
	}

	t.Log("a service")
	b.tabTo("el.matches('button.name')")
	b.press(keyDown)
	if got := eval[string](b, "return document.activeElement.textContent"); got != "nginx.service" {
		t.Errorf("the arrow leads to %q", got)
	}
	b.press(keyEnter)
	opened := eval[struct {
		Expanded, Text string
		Changes, Rows  int
	}](b, `
		const el = document.activeElement, detail = document.getElementById(el.getAttribute('aria-controls'));
		const grid = detail.querySelector('.grid');
		return {expanded: el.getAttribute('aria-expanded'), text: detail.innerText, changes: grid.tBodies[0].rows.length, rows: detail.querySelectorAll('details pre').length}`)
	nginx := results(t)[2]
	if opened.Expanded != "true" || opened.Changes != len(nginx.Changes()) || opened.Rows != 1 {
		t.Errorf("the service shows %d changes, expanded %s", opened.Changes, opened.Expanded)
	}
	for _, want := range []string{"keeps every capability of root", "→ 6.9", "SystemCallFilter=~@privileged @resources", "nginx.service.d/10-local path.conf:3:11", "Suppressed: the token is public", "Suppressed: in the baseline"} {
		if !strings.Contains(opened.Text, want) {
			t.Errorf("the service does not show %q:\n%s", want, opened.Text)
		}
	}
	b.tabTo("el.matches('details summary')")
	b.press(keySpace)
	rows := "const g = document.activeElement.parentElement.querySelector('.grid'); return g ? g.tBodies[0].rows.length : 0"
	for eval[int](b, rows) == 0 { // the event comes after the key; the test's deadline is the limit
	}
	if n := eval[int](b, rows); n != len(nginx.Rows) {
		t.Errorf("%d checks are shown, want %d", n, len(nginx.Rows))
	}
	if bad := eval[[]string](b, contrast); len(bad) > 0 {
		t.Errorf("dark, open: too faint: %q", bad)
	}
	eval[any](b, "document.querySelector('.units').scrollIntoView()")
	b.screenshot("dark-open")
	eval[any](b, "document.documentElement.dataset.theme = 'light'")
	if bad := eval[[]string](b, contrast); len(bad) > 0 {
		t.Errorf("light, open: too faint: %q", bad)
	}
	b.screenshot("light-open")

	t.Log("narrow")
	for _, width := range []int{390, 800} {
		b.size(width, 1400)
		if got := eval[int](b, "return document.documentElement.scrollWidth"); got > width {
			t.Errorf("at %d the page is %d wide: %q", width, got, eval[[]string](b, `
				return Array.from(document.querySelectorAll('body *')).filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.tagName + '.' + e.className).slice(0, 20)`))
		}
		b.screenshot(fmt.Sprint("narrow-open-", width))
		eval[any](b, "scrollTo(0, 0)")
		b.screenshot(fmt.Sprint("narrow-", width))
		eval[any](b, "document.querySelector('.units').scrollIntoView()")
	}

	t.Log("print")
	b.size(1000, 1400)
	b.media("print", "dark")
	if eval[bool](b, "return document.querySelector('.tools').checkVisibility() || getComputedStyle(document.body).backgroundColor !== 'rgb(255, 255, 255)'") {
		t.Error("controls or colors of the screen are printed")
	}
	if bad := eval[[]string](b, contrast); len(bad) > 0 {
		t.Errorf("print: too faint: %q", bad)
	}
	eval[any](b, "scrollTo(0, 0)")
	b.screenshot("print")
	var pdf struct{ Data string }
	b.cdp(&pdf, "Page.printToPDF", map[string]any{"printBackground": true})
	b.save("print.pdf", pdf.Data)
	b.quiet()
}

// TestPageWithoutScripts: everything is there to read.
func TestPageWithoutScripts(t *testing.T) {
	b := open(t)
	b.size(1280, 1500)
	b.media("screen", "light")
	b.cdp(nil, "Emulation.setScriptExecutionDisabled", map[string]any{"value": true})
	b.visit(write(t, "html", report.Options{}, results(t)))
	b.screenshot("plain")
	var body map[string]string
	b.get(&body, "POST", "/element", map[string]string{"using": "css selector", "value": "body"})
	var text string
	for _, id := range body {
		b.get(&text, "GET", "/element/"+id+"/text", nil)
	}
	for _, want := range []string{"nginx.service", "keeps every capability of root", "set StartLimitBurst=5", "ProtectClock=yes", "the service has no ExecStart=", "Give it a user of its own"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not shown", want)
		}
	}
	for _, forbidden := range []string{"Open all", "Dark theme", "No unit fits."} {
		if strings.Contains(text, forbidden) {
			t.Errorf("%q is shown, which needs scripts", forbidden)
		}
	}
	b.quiet()
}

// TestPageOfMany: a thousand services; times are printed, not judged.
func TestPageOfMany(t *testing.T) {
	b := open(t)
	b.size(1280, 1500)
	b.media("screen", "light")
	page := write(t, "html", report.Options{}, fleet(t, 1000))
	b.visit(page)
	b.screenshot("many")
	times := eval[map[string]float64](b, `
		const took = (f) => { const t = performance.now(); f(); document.body.offsetHeight; return performance.now() - t; };
		const [nav] = performance.getEntriesByType('navigation');
		return {
			load: nav.loadEventEnd, nodes: document.querySelectorAll('*').length,
			sort: took(() => document.querySelector('[data-key=name] button').click()),
			filter: took(() => document.querySelector('input[value=OK]').click()),
			open: took(() => document.querySelector('#all').click()),
		}`)
	t.Logf("%d KiB, %.0f elements; milliseconds to load %.0f, sort %.0f, filter %.0f, open those %.0f",
		len(page)>>10, times["nodes"], times["load"], times["sort"], times["filter"], times["open"])
	if got := len(b.names()); got != 200 {
		t.Errorf("%d units of 1000 are OK, want 200", got)
	}
	b.quiet()
}
