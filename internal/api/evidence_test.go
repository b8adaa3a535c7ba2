package api_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tillway/internal/apikeys"
	"tillway/internal/ids"
	"tillway/internal/webhooks"
)

// unzipped are the files of an archive, by name, and their names in order.
func unzipped(t *testing.T, body string) (map[string]string, []string) {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader([]byte(body)), int64(len(body)))
	require.NoError(t, err)
	files, names := map[string]string{}, []string{}
	for _, f := range archive.File {
		opened, err := f.Open()
		require.NoError(t, err)
		content, err := io.ReadAll(opened)
		require.NoError(t, err)
		require.NoError(t, opened.Close())
		files[f.Name] = string(content)
		names = append(names, f.Name)
	}
	return files, names
}

func TestEvidence_IsAZipOfAllThatIsOnRecord(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order, payment, d := b.disputed(t, 1500)
	refund := b.refund(t, "k", object{"payment": payment, "amount": 700})
	told := webhooks.Notification{
		ID: ids.New[ids.NotificationEntity](), Status: "applied", NotifyType: "CHARGEBACK", TransactionID: "case-" + order,
		Body: json.RawMessage(`{"chargebackArn":"24011346121000000000001","tokenId":"tok_1","note":"4761344136141390"}`), CreatedAt: time.Now(),
	}
	b.inbox.listed = []webhooks.Notification{told}
	got := b.do(t, request{
		method: "GET", path: "/v1/disputes/" + d.ID.String() + "/evidence.zip", as: apikeys.RoleOps,
		header: map[string]string{"Accept": "application/zip"},
	})
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, "application/zip", got.header.Get("Content-Type"))
	require.Equal(t, "attachment; filename="+d.ID.String()+"-evidence.zip", got.header.Get("Content-Disposition"))

	files, names := unzipped(t, got.body)
	require.Equal(t, []string{
		"dispute.json", "order.json", "payments.json", "refunds.json", "three_ds.json", "timeline.json", "timeline.txt",
	}, names[:7])
	require.Equal(t, "manifest.json", names[len(names)-1])
	var manifest struct {
		Object, Dispute, Order string
		Complete               bool
		Files                  []struct {
			Name, SHA256 string
			Size         int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(files["manifest.json"]), &manifest))
	require.Equal(t, []any{"dispute_evidence", d.ID.String(), order, true},
		[]any{manifest.Object, manifest.Dispute, manifest.Order, manifest.Complete})
	require.Len(t, manifest.Files, len(names)-1)
	for i, f := range manifest.Files {
		digest := sha256.Sum256([]byte(files[f.Name]))
		require.Equal(t, []any{names[i], len(files[f.Name]), hex.EncodeToString(digest[:])}, []any{f.Name, f.Size, f.SHA256})
	}

	part := func(name string) any {
		var content any
		require.NoError(t, json.Unmarshal([]byte(files[name]), &content), name)
		return content
	}
	require.Equal(t, d.ID.String(), part("dispute.json").(map[string]any)["id"])
	require.Equal(t, order, part("order.json").(map[string]any)["id"])
	require.Equal(t, payment, part("payments.json").([]any)[0].(map[string]any)["id"])
	require.Equal(t, refund.str("id"), part("refunds.json").([]any)[0].(map[string]any)["id"])
	authenticated := part("three_ds.json").([]any)[0].(map[string]any)
	require.Equal(t, []any{payment, true, false, nil},
		[]any{authenticated["payment"], authenticated["disputed"], authenticated["challenged"], authenticated["result"]})
	require.Equal(t, order, part("timeline.json").(map[string]any)["order"])
	require.Contains(t, files["timeline.txt"], "The shopper's bank has taken €15.00 back (chargeback). Its reason: Fraud (code 10.4).")
	require.Contains(t, files["timeline.txt"], "order.created (merchant)")
	evidence := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, "messages/evidence/") })
	require.Len(t, evidence, 3, "the answers about the payment and the refund, and the chargeback: %v", names)
	require.True(t, slices.IsSorted(evidence))
	require.Equal(t, d.Order, b.inbox.asked.Order)
	message := names[len(names)-2]
	require.Regexp(t, `^messages/notifications/[0-9]{8}T[0-9]{6}\.[0-9]{6}Z_notification_`+told.ID.String()+`\.json$`, message)
	require.Contains(t, files[message], `"chargebackArn": "24011346121000000000001"`)
	for name, content := range files {
		for _, secret := range []string{goodCard, "4761 3441", "_secret_", `"cvc"`, `"cvv"`, "tok_1"} {
			require.NotContains(t, content, secret, name)
		}
	}

	again := b.do(t, request{method: "GET", path: "/v1/disputes/" + d.ID.String() + "/evidence.zip", as: apikeys.RoleAdmin})
	_, sameNames := unzipped(t, again.body)
	require.Equal(t, names, sameNames, "names never change")
}

func TestEvidence_RefusalsReadWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _, d := b.disputed(t, 1500)
	nobodys := ids.New[ids.DisputeEntity]().String()
	for name, c := range map[string]struct {
		path, accept, code, message, param string
		as                                 apikeys.Role
		status                             int
	}{
		"of a storefront":     {d.ID.String(), "", "forbidden", "The role of this key, storefront, may not do this.", "", apikeys.RoleStorefront, 403},
		"nobody's":            {nobodys, "", "resource_missing", "No such dispute: \"" + nobodys + "\".", "", apikeys.RoleOps, 404},
		"nobody's, as a zip":  {nobodys, "application/zip", "resource_missing", "No such dispute: \"" + nobodys + "\".", "", apikeys.RoleOps, 404},
		"as a picture":        {d.ID.String(), "image/png", "not_acceptable", "Accept names nothing that we speak: application/vnd.tillway.v1+json or application/json.", "", apikeys.RoleOps, 406},
		"with a query to ask": {d.ID.String() + "/evidence.zip?all=1", "", "unknown_field", "all is not a parameter of this request.", "all", apikeys.RoleOps, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := map[string]string{"X-Correlation-Id": "c-1"}
			if c.accept != "" {
				header["Accept"] = c.accept
			}
			path := "/v1/disputes/" + c.path
			if !strings.Contains(path, "evidence.zip") {
				path += "/evidence.zip"
			}
			got := b.do(t, request{method: "GET", path: path, as: c.as, wrong: true, header: header})
			require.Equal(t, c.status, got.status, got.body)
			require.JSONEq(t, errorJSON(invalid, c.code, c.message, c.param), got.body)
		})
	}
	// A zip is asked for by its own media type alone where its errors are; elsewhere it is nothing that we speak.
	got := b.do(t, request{
		method: "GET", path: "/v1/disputes", as: apikeys.RoleOps, wrong: true, header: map[string]string{"Accept": "application/zip"},
	})
	require.Equal(t, http.StatusNotAcceptable, got.status)
}
