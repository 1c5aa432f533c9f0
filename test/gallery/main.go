// Command gallery renders every page with fictional models and serves them on
// 127.0.0.1 under the headers of the web door, for looking at; with --shots it
// also takes screenshots with Chromium. It is for development only.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"postern.example/postern/internal/door/web/assets"
	"postern.example/postern/internal/door/web/catalog"
	"postern.example/postern/internal/door/web/view"
	"postern.example/postern/internal/door/web/view/viewtest"
)

const policy = "default-src 'none'; script-src 'self' 'nonce-bm9uY2U'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "address to serve on")
	shots := flag.String("shots", "", "folder for screenshots; empty serves until interrupted")
	only := flag.String("only", "", "regular expression of page names")
	widths := flag.String("widths", "390,1280", "widths in pixels")
	langs := flag.String("langs", "en,es", "languages")
	schemes := flag.String("schemes", "light,dark", "what to emulate: light, dark, forced (colours), print")
	axe := flag.String("axe", "", "path of axe.min.js: run it on every page that is shot and print what it finds")
	flag.Parse()
	if err := run(*addr, *shots, *only, strings.Split(*widths, ","), strings.Split(*langs, ","), strings.Split(*schemes, ","), *axe); err != nil {
		log.Fatal(err)
	}
}

func run(addr, shots, only string, widths, langs, schemes []string, axe string) error {
	handler, names, err := gallery()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	fmt.Printf("http://%s/en/home\n", l.Addr())
	if shots == "" {
		return <-served
	}
	wanted, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("read --only: %w", err)
	}
	var script []byte
	if axe != "" {
		if script, err = os.ReadFile(axe); err != nil {
			return fmt.Errorf("read --axe: %w", err)
		}
	}
	return shoot(shots1{axe: string(script), base: "http://" + l.Addr().String(), dir: shots, names: names, wanted: wanted, widths: widths, langs: langs, schemes: schemes})
}

// gallery renders every page once and serves the bytes.
func gallery() (http.Handler, []string, error) {
	c, err := catalog.Load()
	if err != nil {
		return nil, nil, err
	}
	a, err := assets.New()
	if err != nil {
		return nil, nil, err
	}
	set, err := view.New(view.Config{Catalog: c, Assets: a})
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+assets.Pattern, a)
	var names []string
	for _, lang := range catalog.Languages() {
		names = nil
		for _, p := range viewtest.Pages(lang) {
			var out bytes.Buffer
			if err := set.Render(&out, p.Model); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", p.Name, err)
			}
			names = append(names, p.Name)
			mux.HandleFunc("GET /"+lang+"/"+p.Name, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.Header().Set("Content-Security-Policy", policy)
				_, _ = w.Write(out.Bytes())
			})
		}
	}
	return mux, names, nil
}

// browser starts Chromium; cancel ends it.
func browser() (context.Context, context.CancelFunc) {
	ctx, stop := chromedp.NewExecAllocator(context.Background(), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true))
	ctx, end := chromedp.NewContext(ctx)
	return ctx, func() { end(); stop() }
}

type shots1 struct {
	base, dir, axe         string
	names                  []string
	wanted                 *regexp.Regexp
	widths, langs, schemes []string
}

func shoot(s shots1) error {
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	ctx, cancel := browser()
	defer cancel()
	for _, width := range s.widths {
		w, err := strconv.ParseInt(width, 10, 64)
		if err != nil {
			return fmt.Errorf("read --widths: %w", err)
		}
		for _, scheme := range s.schemes {
			for _, lang := range s.langs {
				for _, name := range s.names {
					if !s.wanted.MatchString(name) {
						continue
					}
					if err := s.one(ctx, w, scheme, lang, name); err != nil {
						return fmt.Errorf("shoot %s %s: %w", lang, name, err)
					}
				}
			}
		}
	}
	return nil
}

// one takes one picture of a whole page and reports what scrolls sideways.
func (s shots1) one(ctx context.Context, width int64, scheme, lang, name string) error {
	media := func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		params := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
		switch scheme {
		case "forced":
			params.Features = []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}
		case "print":
			params.Media = "print"
		}
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, params)
		return chromedp.Void{}, err
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), media, chromedp.Navigate(s.base+"/"+lang+"/"+name)); err != nil {
		return err
	}
	wide, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`))
	if err != nil {
		return err
	}
	if wide > width {
		fmt.Printf("SIDEWAYS %s %s at %d: %d px\n", lang, name, width, wide)
	}
	// As high as the page, so that the bar at the foot of a phone stands at the foot.
	high, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
	if err != nil {
		return err
	}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, max(high, 400))); err != nil {
		return err
	}
	if s.axe != "" {
		found, err := chromedp.Run(ctx, chromedp.Evaluate[string](s.axe+`;axe.run(document,{runOnly:['wcag2a','wcag2aa','wcag2aaa','wcag21a','wcag21aa','wcag22aa','best-practice']}).then(r=>r.violations.map(v=>v.id+': '+v.nodes.map(n=>n.html.slice(0,140)+' '+(n.any[0]?.message??'')).slice(0,3).join(' | ')).join('\n'))`, chromedp.EvalAwaitPromise))
		if err != nil {
			return fmt.Errorf("run axe: %w", err)
		}
		if found != "" {
			fmt.Printf("AXE %s %s %d %s\n%s\n", lang, name, width, scheme, found)
		}
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		return err
	}
	file := fmt.Sprintf("%s-%d-%s-%s.png", name, width, lang, scheme)
	return os.WriteFile(filepath.Join(s.dir, file), png, 0o600)
}
