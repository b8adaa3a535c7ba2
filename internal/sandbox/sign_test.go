package sandbox

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

type vectors struct {
	Secrets    map[string]string `json:"secrets"`
	Signatures []struct {
		ID        string          `json:"id"`
		Kind      string          `json:"kind"`
		SecretRef string          `json:"secret_ref"`
		Exclude   []string        `json:"exclude"`
		Params    json.RawMessage `json:"params"`
		Expected  string          `json:"expected_sign"`
	} `json:"signature_vectors"`
	Webhooks []struct {
		ID        string `json:"id"`
		SecretRef string `json:"secret_ref"`
		RawBody   string `json:"raw_body"`
		Expected  string `json:"expected_sign"`
	} `json:"webhook_cases"`
	Examples []struct {
		ID   string          `json:"id"`
		Body json.RawMessage `json:"body"`
	} `json:"examples"`
}

func loadVectors(t *testing.T) vectors {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	require.NoError(t, err)
	var v vectors
	require.NoError(t, json.Unmarshal(raw, &v))
	return v
}

func TestDigest_ReproducesEveryPublishedSignature(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	require.NotEmpty(t, v.Signatures)
	byKind := map[string][]string{
		"request": unsignedInRequest(), "response": unsignedInResponse(), "notification": unsignedInNotification(),
	}
	for _, vector := range v.Signatures {
		t.Run(vector.ID, func(t *testing.T) {
			t.Parallel()
			params, err := decodeParams(vector.Params)
			require.NoError(t, err)
			unsigned := vector.Exclude
			if ours, known := byKind[vector.Kind]; known {
				require.ElementsMatch(t, vector.Exclude, ours)
				unsigned = ours
			}
			require.Equal(t, vector.Expected, digest(params, unsigned, v.Secrets[vector.SecretRef]))
		})
	}
}

func TestDigest_ReproducesEveryNotification(t *testing.T) {
	t.Parallel()
	v := loadVectors(t)
	for _, vector := range v.Webhooks {
		if strings.Contains(vector.ID, "tampered") {
			continue // its expected signature is the one before somebody changed the body
		}
		t.Run(vector.ID, func(t *testing.T) {
			t.Parallel()
			params, err := decodeParams([]byte(vector.RawBody))
			require.NoError(t, err)
			require.Equal(t, vector.Expected, digest(params, unsignedInNotification(), v.Secrets[vector.SecretRef]))
		})
	}
}

// The members of an answer stand in the order of the documents' own example.
func TestAnswer_HasTheMembersOfTheExampleInTheirOrder(t *testing.T) {
	t.Parallel()
	want := map[string][]string{"ex-sale-response-s": nil, "ex-txn-list-response-two-payments": nil}
	for _, example := range loadVectors(t).Examples {
		if _, wanted := want[example.ID]; wanted {
			want[example.ID] = memberNames(t, example.Body)
		}
	}
	b := setup(t)
	params := b.sale(cardPays, "5")
	answer := b.call(t, pathSale, params)
	sale := memberNames(t, answer.raw)
	// Newer than the example, and not at its end there either.
	require.Equal(t, want["ex-sale-response-s"], without(sale, "paymentId", "paymentStatus"))

	list := b.call(t, pathList, map[string]any{
		"merchantNo": DefaultMerchantNo, "merchantTxnIds": signedText(params["merchantTxnId"]), "current": "1",
	})
	require.Equal(t, want["ex-txn-list-response-two-payments"], without(memberNames(t, list.raw), "paymentId"))
}

// memberNames is every member name of a JSON document in the order of its text, each once.
func memberNames(t *testing.T, raw []byte) []string {
	t.Helper()
	var names []string
	seen := map[string]bool{}
	for part := range bytes.SplitSeq(bytes.ReplaceAll(raw, []byte(`": `), []byte(`":`)), []byte(`":`)) {
		name := string(part[bytes.LastIndexByte(part, '"')+1:])
		if !seen[name] && name != "" && !strings.ContainsAny(name, `{}\`) {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}

func without(names []string, dropped ...string) []string {
	var kept []string
	for _, name := range names {
		if !slices.Contains(dropped, name) {
			kept = append(kept, name)
		}
	}
	return kept
}
