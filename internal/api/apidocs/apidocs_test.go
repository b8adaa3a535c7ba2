package apidocs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"gopkg.in/yaml.v3"

	"tillway/internal/api/apidocs"
)

func source(t *testing.T) []byte {
	t.Helper()
	document, err := os.ReadFile("../openapi.yaml")
	require.NoError(t, err)
	return document
}

func get(t *testing.T) (*httptest.ResponseRecorder, string) {
	t.Helper()
	w := httptest.NewRecorder()
	apidocs.Handler(source(t)).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/docs", nil))
	require.Equal(t, http.StatusOK, w.Code)
	return w, w.Body.String()
}

func TestHandler_AllowsItsOwnStyleAndNothingElse(t *testing.T) {
	t.Parallel()
	w, page := get(t)
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)
	require.Len(t, style, 2)
	sum := sha256.Sum256([]byte(style[1]))
	policy := w.Header().Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.Contains(t, policy, "style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
}

func TestPage_NeedsNoScriptAndNoOtherHost(t *testing.T) {
	t.Parallel()
	_, page := get(t)
	for _, foreign := range []string{"<script", "<img", "<link", "<iframe", "@import", "url(", "style=\"", "onclick"} {
		require.False(t, shows(page, foreign), foreign)
	}
}

// shows keeps the whole page out of a failure's message.
func shows(page, text string) bool { return strings.Contains(page, text) }

// walk visits every element.
func walk(n *html.Node, visit func(*html.Node)) {
	if n.Type == html.ElementNode {
		visit(n)
	}
	for child := range n.ChildNodes() {
		walk(child, visit)
	}
}

func TestPage_LinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	_, page := get(t)
	root, err := html.Parse(strings.NewReader(page))
	require.NoError(t, err)
	anchors, links := map[string]int{}, map[string]bool{}
	walk(root, func(n *html.Node) {
		for _, a := range n.Attr {
			switch a.Key {
			case "id":
				anchors[a.Val]++
			case "href":
				links[a.Val] = true
			}
		}
	})
	for id, times := range anchors {
		require.Equal(t, 1, times, "#%s stands once", id)
	}
	for link := range links {
		at, here := strings.CutPrefix(strings.TrimPrefix(link, "/docs"), "#")
		if !here {
			require.Equal(t, "/openapi.yaml", link)
			continue
		}
		require.Contains(t, anchors, at)
	}
}

func TestPage_ShowsTheWholeDocument(t *testing.T) {
	t.Parallel()
	_, page := get(t)
	var loose map[string]any
	require.NoError(t, yaml.Unmarshal(source(t), &loose))
	paths, ok := loose["paths"].(map[string]any)
	require.True(t, ok)
	for path, item := range paths {
		operations, _ := item.(map[string]any)
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			operation, _ := operations[method].(map[string]any)
			if operation != nil {
				require.True(t, shows(page, `<article id="`+operation["operationId"].(string)+`"`), "%s %s", method, path)
			}
		}
	}
	codes, ok := loose["x-error-codes"].(map[string]any)
	require.True(t, ok)
	require.NotEmpty(t, codes)
	for code := range codes {
		require.True(t, shows(page, `<tr id="error-`+code+`"`), code)
	}
}

func TestRender_RefusesWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	_, err := apidocs.Render([]byte("paths: []"))
	require.Error(t, err)
}

func TestRender_EscapesWhatTheDocumentSays(t *testing.T) {
	t.Parallel()
	page, err := apidocs.Render([]byte(
		`{info: {title: T, description: "a <b>, ` + "`<i>`" + ` and [x](javascript:alert) **y**\n\n- one\n- two"}}`))
	require.NoError(t, err)
	_, page, _ = bytes.Cut(page, []byte("</details>\n"))
	about, _, _ := bytes.Cut(page, []byte("\n\n<p>The same"))
	require.Equal(t, "<p>a &lt;b&gt;, <code>&lt;i&gt;</code> and [x](javascript:alert) <strong>y</strong></p>\n"+
		"<ul>\n<li>one</li>\n<li>two</li>\n</ul>", string(about))
}
