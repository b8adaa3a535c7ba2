package demo

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const testOrder = "ord_01jz3q8t9kf0p8v6m2c4x5y7za"

// pasted runs the text in a shell whose curl prints one argument per line between brackets.
func pasted(t *testing.T, text string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "bash", "-uc",
		"curl() { printf '[%s]\\n' \"$@\"; }\n"+text).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestCurl_MakesTheSameRequestWhenPasted(t *testing.T) {
	t.Parallel()
	c := &client{base: "http://127.0.0.1:8080", key: "sk_test_x"}
	pay := request{http.MethodPost, "/v1/orders/" + testOrder + "/payments", fmt.Sprintf(paymentBody, plainCard)}

	out := pasted(t, "ORDER=ord_mine\n"+c.curl(pay, testOrder))

	require.Contains(t, out, "[http://127.0.0.1:8080/v1/orders/ord_mine/payments]")
	require.Contains(t, out, "[Authorization: Bearer sk_test_x]")
	require.Contains(t, out, "[Content-Type: application/json]")
	require.Regexp(t, `\[Idempotency-Key: \d+-\d+\]`, out)
	require.Contains(t, out, "["+pay.body+"]")
}

func TestCreateCurl_LeavesTheOrderForTheNextCommand(t *testing.T) {
	t.Parallel()
	c := &client{base: "http://127.0.0.1:8080", key: "sk_test_x"}
	command := c.createCurl(request{http.MethodPost, "/v1/orders", orderBody})

	out := pasted(t, `curl() { echo '{"id":"`+testOrder+`","client_secret":"`+testOrder+`_secret_x"}'; }`+"\n"+
		command+"\necho \"it is $ORDER\"")

	require.Equal(t, "it is "+testOrder, strings.Split(strings.TrimSpace(out), "\n")[1])
}

func TestChallengeCurl_LeavesThePageForTheNextCommand(t *testing.T) {
	t.Parallel()
	c := &client{base: "http://127.0.0.1:8080", key: "sk_test_x"}
	command := c.challengeCurl(request{http.MethodPost, "/v1/orders/" + testOrder + "/payments", paymentBody}, testOrder)

	out := pasted(t, "ORDER="+testOrder+"\n"+
		`curl() { echo '{"url":"http://127.0.0.1:8090/3dsSecure/direct/RDT_3DS_DDC_1","return_url":"http://x/thanks"}'; }`+"\n"+
		command+"\necho \"it is $PAGE\"")

	require.Equal(t, "it is http://127.0.0.1:8090/3dsSecure/direct/RDT_3DS_DDC_1", strings.Split(strings.TrimSpace(out), "\n")[1])
}

func TestBodies_CanBeQuoted(t *testing.T) {
	t.Parallel()
	for _, body := range []string{orderBody, bigOrderBody, paymentBody} {
		require.NotContains(t, body, "'")
	}
}
