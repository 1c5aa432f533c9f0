package session

import (
	"net/http"
	"strings"
)

// CookieName is the session cookie. The prefix makes browsers refuse it without
// Secure and Path=/, and with a Domain, so that no other host or path can plant
// one (RFC 6265bis 4.1.3.2). Chromium and Firefox accept it on http://localhost.
const CookieName = "__Host-postern"

// Cookie carries secret. It ends with the browser; the limits are the server's.
//
// SameSite is Lax, not Strict: a patient who follows the link of an appointment
// letter should arrive signed in. Lax sends the cookie with top-level GETs alone,
// which change nothing here, and every unsafe request needs a same-origin
// Sec-Fetch-Site or Origin and the form token besides.
func Cookie(secret string) *http.Cookie {
	return &http.Cookie{Name: CookieName, Value: secret, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// NoCookie deletes the cookie.
func NoCookie() *http.Cookie {
	c := Cookie("")
	c.MaxAge = -1
	return c
}

// maxAgent bounds what is looked at of a User-Agent.
const maxAgent = 512

// describe reduces a User-Agent to a browser family and a system that a person
// recognises, both empty when unknown. Versions and models are not kept: they
// would make a fingerprint.
func describe(agent string) (browser, system string) {
	agent = agent[:min(len(agent), maxAgent)]
	// Order matters: most browsers also name those that they descend from.
	return first(agent, "Edg/", "Edge", "EdgA/", "Edge", "OPR/", "Opera", "SamsungBrowser/", "Samsung Internet",
			"Firefox/", "Firefox", "FxiOS/", "Firefox", "CriOS/", "Chrome", "Chrome/", "Chrome", "Safari/", "Safari"),
		first(agent, "Windows", "Windows", "iPhone", "iOS", "iPad", "iPadOS", "Android", "Android", "CrOS", "ChromeOS",
			"Mac OS X", "macOS", "Linux", "Linux")
}

// first returns the name that follows the first mark found in s.
func first(s string, marksAndNames ...string) string {
	for i := 0; i < len(marksAndNames); i += 2 {
		if strings.Contains(s, marksAndNames[i]) {
			return marksAndNames[i+1]
		}
	}
	return ""
}
