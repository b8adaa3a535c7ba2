package demo

import (
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
)

//go:embed thanks.html
var pages embed.FS

// shop is as much of a storefront as 3DS needs: the page that shoppers come back to.
type shop struct {
	secret  []byte
	api     *client
	visited func(visit)
}

// visit is a shopper who came back.
type visit struct {
	Order, Payment, Status string
	// Signed: the signature says that the service sent the shopper.
	Signed bool
	// OrderStatus is what the service says about the order, which alone counts.
	OrderStatus string
	// Docs is where to read on.
	Docs string
}

func (s *shop) handler() http.Handler {
	page := template.Must(template.ParseFS(pages, "thanks.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /thanks", func(w http.ResponseWriter, r *http.Request) {
		v := s.receive(r)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'")
		w.Header().Set("Cache-Control", "no-store")
		if !v.Signed {
			w.WriteHeader(http.StatusBadRequest)
		}
		_ = page.Execute(w, v) // the shopper has left
	})
	return mux
}

// receive does what a storefront should: it checks the signature, and asks the service for the order instead of
// believing the address.
func (s *shop) receive(r *http.Request) visit {
	query := r.URL.Query()
	v := visit{
		Order: query.Get("order"), Payment: query.Get("payment"), Status: query.Get("status"),
		Docs: s.api.base + "/docs",
	}
	v.Signed = s.signed(v, query.Get("signature"))
	if !v.Signed {
		return v
	}
	var o order
	if _, err := s.api.call(r.Context(), request{method: http.MethodGet, path: "/v1/orders/" + v.Order}, &o); err == nil {
		v.OrderStatus = o.Status
	}
	s.visited(v)
	return v
}

func (s *shop) signed(v visit, signature string) bool {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(v.Order + "." + v.Payment + "." + v.Status))
	given, err := hex.DecodeString(signature)
	return err == nil && hmac.Equal(given, mac.Sum(nil))
}
