package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Chrome is one Chromium process of one test.
type Chrome struct{ ctx context.Context }

// StartChrome starts Chromium without a window and ends it with the test.
func StartChrome(t testing.TB) *Chrome {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("no Chromium here (%v): %s", err, install)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.WindowSize(900, 600),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("force-prefers-reduced-motion", true), // no picture of half an animation
		// The provider's pages ask for fonts of a foreign host: no test may leave this machine.
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost"),
	)
	// t.Context() ends before the clean-ups, which still need the browser.
	allocator, _ := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	ctx, _ := chromedp.NewContext(allocator)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Errorf("end Chromium: %v", err)
		}
	})
	return &Chrome{ctx}
}

// Person is somebody at a browser: a tab, and cookies that nobody else has.
type Person struct {
	t    testing.TB
	tab  context.Context
	busy sync.WaitGroup
}

// Person returns somebody who has never signed in anywhere.
func (c *Chrome) Person(t testing.TB) *Person {
	t.Helper()
	tab, leave := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext())
	if err := chromedp.Do(tab); err != nil {
		t.Fatalf("open a tab: %v", err)
	}
	p := &Person{t: t, tab: tab}
	t.Cleanup(func() {
		p.Waits()
		leave()
	})
	return p
}

// Waits returns when all that the person was asked to open is done.
func (p *Person) Waits() { p.busy.Wait() }

// Step is one thing that a person does on a page.
type Step = chromedp.Action[chromedp.Void]

// Opens is for msal.Browser.Open: it returns at once, as a system browser does, while the person goes to the URL and
// takes the steps. A step that cannot be taken fails the test with a picture of the page.
func (p *Person) Opens(steps ...Step) func(context.Context, string) error {
	return func(_ context.Context, url string) error {
		p.busy.Go(func() { p.Visits(url, steps...) })
		return nil
	}
}

// Visits goes to the URL and takes the steps.
func (p *Person) Visits(url string, steps ...Step) {
	ctx, cancel := context.WithTimeout(p.tab, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, append([]Step{chromedp.Navigate(url)}, steps...)...); err != nil {
		title, text := p.Page("stuck")
		p.t.Errorf("at the page %q: %v\n%s", title, err, text)
	}
}

// Page returns title and text of the page that the person sees, and leaves a picture of it among the test's artifacts.
func (p *Person) Page(name string) (title, text string) {
	ctx, cancel := context.WithTimeout(p.tab, 10*time.Second)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(p.t.ArtifactDir(), name+".png"), picture, 0o600)
	}
	if err == nil {
		title, err = chromedp.Run(ctx, chromedp.Title())
	}
	if err == nil {
		text, err = chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
	}
	if err != nil {
		p.t.Errorf("look at the page: %v", err)
	}
	return title, text
}

const submit = chromedp.CSS(`button[type=submit]`)

// LogsIn fills the provider's log-in form: any name is an account, any password is right.
func LogsIn(name string) Step {
	return chromedp.Steps(
		chromedp.SendKeys(chromedp.CSS(`input[name=login]`), name),
		chromedp.SendKeys(chromedp.CSS(`input[name=password]`), "any"),
		chromedp.Click(submit),
	)
}

// Consents presses Continue on the consent page.
func Consents() Step {
	return chromedp.Steps(
		chromedp.WaitReady(chromedp.CSS(`input[name=prompt][value=consent]`)),
		chromedp.Click(submit),
	)
}

// Cancels follows the Cancel link of the log-in or consent page.
func Cancels() Step {
	return chromedp.Click(chromedp.CSS(`.login-help a`))
}

// Enters types the user code of the device flow and presses Continue.
func Enters(userCode string) Step {
	return chromedp.Steps(
		chromedp.SendKeys(chromedp.CSS(`input[name=user_code]:not([type=hidden])`), userCode),
		chromedp.Click(submit),
	)
}

// Confirms says that the code on the device is the same.
func Confirms() Step {
	return chromedp.Steps(
		chromedp.WaitReady(chromedp.CSS(`input[name=confirm]`)),
		chromedp.Click(submit),
	)
}

// Aborts says that it is not.
func Aborts() Step {
	return chromedp.Click(chromedp.CSS(`button[name=abort]`))
}

// Leaves waits until the browser has left the provider, so that the next look is at the client's own page.
func Leaves(issuer string) Step {
	return waits(fmt.Sprintf(`location.protocol == "http:" && location.origin != %q && document.readyState == "complete"`, issuer))
}

// Sees waits for a text on the page.
func Sees(text string) Step {
	return waits(fmt.Sprintf(`document.body.innerText.includes(%q)`, text))
}

// waits asks again and again: chromedp.Poll would give up at the first navigation.
func waits(condition string) Step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for again := time.NewTicker(20 * time.Millisecond); ; {
			if met, err := chromedp.Evaluate[bool](condition)(ctx, t); err == nil && met {
				return nil
			}
			select {
			case <-again.C:
			case <-ctx.Done():
				return fmt.Errorf("waiting for %s: %w", condition, context.Cause(ctx))
			}
		}
	})
}
