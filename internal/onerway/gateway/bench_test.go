package gateway_test

import (
	"testing"

	"tillway/internal/onerway"
)

func BenchmarkNews(b *testing.B) {
	n, err := onerway.StoredNotification([]byte(`{"notifyType":"TXN","transactionId":"1810961729430360064","txnType":"SALE",`+
		`"merchantNo":"800209","merchantTxnId":"pay_01jb9z6e8nfx5r9w2t7yq3m4k5","responseTime":"2026-11-22 10:05:28",`+
		`"txnTime":"2026-11-22 10:05:27","txnTimeZone":"+08:00","orderAmount":"27.00","orderCurrency":"EUR",`+
		`"txnAmount":"27.00","txnCurrency":"EUR","settleRate":"1.0","paymentMethod":"VISA","walletTypeName":null,`+
		`"paymentMethodDetails":"{\"cardNumber\":\"476134******1390\",\"cardBrand\":\"VISA\"}","cardBinCountry":"DE",`+
		`"channelRequestId":"8009461810961729430360064","status":"S","eci":"05","periodValue":null,`+
		`"reason":"{\"respCode\":\"20000\",\"respMsg\":\"Success\"}","contractId":null,"tokenId":null,`+
		`"paymentId":"1810961729430360065","paymentStatus":"S","holderName":"Ann Lee",`+
		`"email":"ann@example.com","sign":"`+someDigest+`"}`), someDigest)
	if err != nil {
		b.Fatal(err)
	}
	g := newGateway(b, &provider{}, &observer{}, &budget{}, "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.News(b.Context(), n); err != nil {
			b.Fatal(err)
		}
	}
}
