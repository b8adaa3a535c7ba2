package onerway_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"

	"tillway/internal/onerway"
)

func TestNew_ReportsEveryFaultAtOnce(t *testing.T) {
	t.Parallel()
	_, err := onerway.New(onerway.Config{BaseURL: "acq.example.com", Timezone: "Asia/Shanghai"})
	for _, fault := range []string{"base URL", "time zone", "merchant number", "app id", "secret key"} {
		require.ErrorContains(t, err, fault)
	}
	for _, url := range []string{"https://user:pw@acq.example.com", "https://acq.example.com?x=1", "ftp://acq.example.com"} {
		_, err = onerway.New(testConfig(url))
		require.ErrorContains(t, err, "base URL")
	}
}

func sell(t *testing.T, config onerway.Config) error {
	t.Helper()
	_, err := newClient(t, config).DoTransaction(t.Context(), testSale())
	return err
}

func TestDoTransaction_NeverSent(t *testing.T) {
	t.Parallel()

	t.Run("when the port refuses", func(t *testing.T) {
		t.Parallel()
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, listener.Close())
		failed := requireClean(t, sell(t, testConfig("http://"+listener.Addr().String())))
		require.Equal(t, onerway.NeverSent, failed.Class)
		require.Equal(t, onerway.ReasonConnection, failed.Reason)
	})
	t.Run("when the name does not exist", func(t *testing.T) {
		t.Parallel()
		failed := requireClean(t, sell(t, testConfig("http://nowhere.invalid")))
		require.Equal(t, onerway.NeverSent, failed.Class)
	})
	t.Run("when TLS cannot be agreed on", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		server.StartTLS()
		t.Cleanup(server.Close)
		failed := requireClean(t, sell(t, testConfig(server.URL)))
		require.Equal(t, onerway.NeverSent, failed.Class)
		require.Equal(t, onerway.ReasonConnection, failed.Reason)
	})
	t.Run("when the peer never finishes TLS", func(t *testing.T) {
		t.Parallel()
		url, _ := serveTCP(t, func(conn *net.TCPConn, _ int32) { _, _ = io.Copy(io.Discard, conn) })
		config := testConfig(strings.Replace(url, "http:", "https:", 1))
		config.Timeout = 50 * time.Millisecond
		failed := requireClean(t, sell(t, config))
		require.Equal(t, onerway.NeverSent, failed.Class)
		require.Equal(t, onerway.ReasonTimeout, failed.Reason)
	})
	t.Run("when the context is done before", func(t *testing.T) {
		t.Parallel()
		url, requests := serve(t, http.StatusOK, "")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newClient(t, testConfig(url)).DoTransaction(ctx, testSale())
		failed := requireClean(t, err)
		require.Equal(t, onerway.NeverSent, failed.Class)
		require.Equal(t, onerway.ReasonCanceled, failed.Reason)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, requests())
	})
}

func TestDoTransaction_UnknownOnceAByteMayHaveLeft(t *testing.T) {
	t.Parallel()
	reset := func(conn *net.TCPConn) { _ = conn.SetLinger(0) }
	cases := map[string]struct {
		handle func(conn *net.TCPConn)
		reason onerway.Reason
	}{
		"reset after reading": {func(conn *net.TCPConn) {
			_ = readRequest(conn)
			reset(conn)
		}, onerway.ReasonConnection},
		"closed after reading": {func(conn *net.TCPConn) { _ = readRequest(conn) }, onerway.ReasonConnection},
		"hung": {func(conn *net.TCPConn) {
			_ = readRequest(conn)
			_, _ = io.Copy(io.Discard, conn)
		}, onerway.ReasonTimeout},
		"hung in mid-answer": {func(conn *net.TCPConn) {
			_ = readRequest(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
			_, _ = io.Copy(io.Discard, conn)
		}, onerway.ReasonTimeout},
		"cut off in mid-answer": {func(conn *net.TCPConn) {
			_ = readRequest(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{")
		}, onerway.ReasonConnection},
		"an endless answer": {func(conn *net.TCPConn) {
			_ = readRequest(conn)
			_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
			for blanks := strings.Repeat(" ", 1<<16); err == nil; {
				_, err = io.WriteString(conn, blanks)
			}
		}, onerway.ReasonOversize},
		"not HTTP, quoting the card": {func(conn *net.TCPConn) {
			_ = readRequest(conn)
			_, _ = io.WriteString(conn, testPAN+" "+testCVV+" "+testHolder+"\r\n\r\n")
		}, onerway.ReasonConnection},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, accepted := serveTCP(t, func(conn *net.TCPConn, _ int32) { test.handle(conn) })
			config := testConfig(url)
			config.Timeout = 300 * time.Millisecond
			failed := requireClean(t, sell(t, config))
			require.Equal(t, onerway.Unknown, failed.Class)
			require.Equal(t, test.reason, failed.Reason)
			require.Equal(t, int32(1), accepted.Load(), "sent again")
		})
	}
}

func TestDoTransaction_NeverSaysUnsentOfWhatTheServerRead(t *testing.T) {
	t.Parallel()
	// The reset races with our first write: both classes are right, as long as they match what the server saw.
	for range 20 {
		read := make(chan int64, 1)
		url, accepted := serveTCP(t, func(conn *net.TCPConn, number int32) {
			_ = conn.SetReadDeadline(time.Now().Add(time.Duration(number) * time.Millisecond))
			count, _ := io.Copy(io.Discard, conn)
			_ = conn.SetLinger(0)
			read <- count
		})
		failed := requireClean(t, sell(t, testConfig(url)))
		if <-read > 0 {
			require.Equal(t, onerway.Unknown, failed.Class)
		}
		require.Equal(t, int32(1), accepted.Load(), "sent again")
	}
}

func TestDoTransaction_UnknownOnAnswersThatProveNothing(t *testing.T) {
	t.Parallel()
	unsigned := `{"respCode":"20000","respMsg":"Success","data":{"transactionId":"1","status":"S"}}`
	cases := map[string]struct {
		status int
		body   string
		reason onerway.Reason
	}{
		"bad gateway":         {502, "<html>" + testPAN, onerway.ReasonHTTPStatus},
		"client error":        {400, fixture(t, "missing_credentials.json"), onerway.ReasonHTTPStatus},
		"redirect":            {307, "", onerway.ReasonHTTPStatus},
		"see other":           {303, "", onerway.ReasonHTTPStatus},
		"created":             {201, fixture(t, "sale_succeeded.json"), onerway.ReasonHTTPStatus},
		"not JSON":            {200, "<html>" + testPAN + "</html>", onerway.ReasonUnreadable},
		"empty":               {200, "", onerway.ReasonUnreadable},
		"no code":             {200, `{"data":null}`, onerway.ReasonUnreadable},
		"a code too long":     {200, `{"respCode":"` + testPAN + `"}`, onerway.ReasonUnreadable},
		"two answers":         {200, unsigned + unsigned, onerway.ReasonUnreadable},
		"two codes":           {200, `{"respCode":"40013","respCode":"20000"}`, onerway.ReasonUnreadable},
		"oversize":            {200, strings.Repeat(" ", 1<<20+1), onerway.ReasonOversize},
		"unsigned":            {200, unsigned, onerway.ReasonBadSignature},
		"tampered":            {200, strings.Replace(fixture(t, "sale_failed.json"), `"F"`, `"S"`, 1), onerway.ReasonBadSignature},
		"success, no data":    {200, `{"respCode":"20000","respMsg":"Success","data":null}`, onerway.ReasonCode},
		"success, text data":  {200, `{"respCode":"20000","data":"1"}`, onerway.ReasonUnreadable},
		"unmapped code":       {200, `{"respCode":"13007","data":null}`, onerway.ReasonCode},
		"system exception":    {200, `{"respCode":"11001","data":null}`, onerway.ReasonCode},
		"channel timed out":   {200, `{"respCode":"12009","data":null}`, onerway.ReasonCode},
		"decline, no data":    {200, `{"respCode":"20051","data":null}`, onerway.ReasonCode},
		"duplicate reference": {200, `{"respCode":"40000","respMsg":"Duplicate merchantTxnId","data":null}`, onerway.ReasonCode},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, requests := serve(t, test.status, test.body)
			failed := requireClean(t, sell(t, testConfig(url)))
			require.Equal(t, onerway.Unknown, failed.Class)
			require.Equal(t, test.reason, failed.Reason)
			require.Equal(t, test.status, failed.HTTPStatus)
			require.Len(t, requests(), 1, "sent again")
		})
	}
}

func TestDoTransaction_RefusedWhenTheRequestItselfIsWrong(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		fixture(t, "missing_credentials.json"),
		`{"respCode":"40000","respMsg":"Invalid transaction URL","data":null}`,
		`{"respCode":"13002","respMsg":"Invalid card number ` + testPAN + `"}`,
		`{"respCode":"12008","respMsg":"bad cvv ` + testCVV + `"}`,
		`{"respCode":"13004","respMsg":"4761 3441 3614 1390 has expired"}`,
	} {
		url, _ := serve(t, http.StatusOK, body)
		failed := requireClean(t, sell(t, testConfig(url)))
		require.Equal(t, onerway.Refused, failed.Class)
		require.NotContains(t, failed.Error(), "4761 3441")
		require.Equal(t, onerway.Refused, onerway.ClassOf(failed))
	}
}

func TestDoTransaction_MovesOffAnIdleConnectionThatWasClosed(t *testing.T) {
	t.Parallel()
	answer := fixture(t, "sale_succeeded.json")
	closed := make(chan struct{})
	var read atomic.Int32
	url, accepted := serveTCP(t, func(conn *net.TCPConn, number int32) {
		if readRequest(conn) != nil {
			return
		}
		read.Add(1)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(answer))+"\r\n\r\n"+answer)
		if number == 1 {
			_ = conn.Close()
			close(closed)
		}
	})
	client := newClient(t, testConfig(url))
	_, err := client.DoTransaction(t.Context(), testSale())
	require.NoError(t, err)
	<-closed
	// The client may notice the close before or while it writes; either way no second copy may be read.
	_, err = client.DoTransaction(t.Context(), testSale())
	if err != nil {
		require.Equal(t, onerway.Unknown, onerway.ClassOf(err))
	} else {
		require.Equal(t, int32(2), read.Load())
	}
	require.LessOrEqual(t, accepted.Load(), int32(2))
}

func TestDoTransaction_IsNotResentWhenAKeptConnectionDiesUnderIt(t *testing.T) {
	t.Parallel()
	answer := fixture(t, "sale_succeeded.json")
	var read atomic.Int32
	url, accepted := serveTCP(t, func(conn *net.TCPConn, _ int32) {
		if readRequest(conn) != nil {
			return
		}
		read.Add(1)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: "+strconv.Itoa(len(answer))+"\r\n\r\n"+answer)
		// The second sale arrives whole on the same connection and gets no answer.
		if readRequest(conn) == nil {
			read.Add(1)
		}
		_ = conn.SetLinger(0)
	})
	client := newClient(t, testConfig(url))
	_, err := client.DoTransaction(t.Context(), testSale())
	require.NoError(t, err)
	_, err = client.DoTransaction(t.Context(), testSale())
	failed := requireClean(t, err)
	require.Equal(t, onerway.Unknown, failed.Class)
	require.Equal(t, int32(2), read.Load())
	require.Equal(t, int32(1), accepted.Load(), "sent again on a new connection")
}

func TestDoTransaction_TrustsNoForeignTransportToHaveSentNothing(t *testing.T) {
	t.Parallel()
	config := testConfig("http://127.0.0.1:1")
	config.WrapTransport = func(http.RoundTripper) http.RoundTripper {
		return roundTripperFunc(func(request *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, request.Body)
			return nil, io.ErrUnexpectedEOF
		})
	}
	failed := requireClean(t, sell(t, config))
	require.Equal(t, onerway.Unknown, failed.Class)
}

func TestDoTransaction_KeepsItsClassesUnderTracing(t *testing.T) {
	t.Parallel()
	traced := func(url string) onerway.Config {
		config := testConfig(url)
		config.WrapTransport = func(base http.RoundTripper) http.RoundTripper { return otelhttp.NewTransport(base) }
		return config
	}
	url, _ := serve(t, http.StatusOK, fixture(t, "sale_succeeded.json"))
	require.NoError(t, sell(t, traced(url)))

	require.Equal(t, onerway.NeverSent, requireClean(t, sell(t, traced("http://nowhere.invalid"))).Class)

	url, accepted := serveTCP(t, func(conn *net.TCPConn, _ int32) { _ = readRequest(conn) })
	require.Equal(t, onerway.Unknown, requireClean(t, sell(t, traced(url))).Class)
	require.Equal(t, int32(1), accepted.Load(), "sent again")
}

func TestDoTransaction_WorksOverTLS(t *testing.T) {
	t.Parallel()
	answer := fixture(t, "sale_succeeded.json")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 1 {
			_, _ = io.WriteString(w, answer)
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	config := testConfig(server.URL)
	config.WrapTransport = func(base http.RoundTripper) http.RoundTripper {
		base.(*http.Transport).TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		return base
	}
	require.NoError(t, sell(t, config))
}

type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
