package sandbox

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// browse does what a browser does with a link, or with a form where there is one, and returns the page it ends on.
func (b *testBundle) browse(t *testing.T, path string, form url.Values) string {
	t.Helper()
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	req, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Accept", "text/html,application/xhtml+xml")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	page, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode, string(page))
	require.Contains(t, []string{"/sandbox", "/sandbox/review"}, resp.Request.URL.Path)
	return string(page)
}

func TestReview_APersonClicksThroughIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sale := b.paid(t, "20")
	page := b.browse(t, "/sandbox/refund_review", url.Values{"mode": {"hold"}})
	require.Contains(t, page, "Every refund waits here")
	yes, no := b.applies(t, sale, "1"), b.applies(t, sale, "2")
	require.Contains(t, b.browse(t, "/sandbox", nil), `<a href="/sandbox/review"><b>2</b> refunds in review</a>`)
	page = b.browse(t, "/sandbox/review", nil)
	for _, id := range []string{yes, no} {
		for _, choice := range []string{"approve", "reject", "fail"} {
			require.Contains(t, page, `action="/sandbox/refunds/`+id+"/"+choice+`"`)
		}
	}
	b.browse(t, "/sandbox/refunds/"+no+"/reject", url.Values{})
	page = b.browse(t, "/sandbox/refunds/"+yes+"/approve", url.Values{})
	require.NotContains(t, page, "/sandbox/refunds/"+no+"/approve")
	require.Contains(t, page, "Rejected by review")
	require.Equal(t, []string{"P", "F"}, []string{b.statusOf(yes), b.statusOf(no)})
	page = b.browse(t, "/sandbox/refund_review", url.Values{"mode": {"auto"}})
	require.Contains(t, page, "approved by themselves")
}
