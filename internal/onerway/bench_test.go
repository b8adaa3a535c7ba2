package onerway_test

import (
	"testing"

	"tillway/internal/onerway"
)

// A notification of a sale, of the length that the provider's have.
const saleNotification = `{"notifyType":"TXN","transactionId":"1810961729430360064","txnType":"SALE",` +
	`"merchantNo":"800209","merchantTxnId":"pay_01jb9z6e8nfx5r9w2t7yq3m4k5","responseTime":"2026-11-22 10:05:28",` +
	`"txnTime":"2026-11-22 10:05:27","txnTimeZone":"+08:00","orderAmount":"27.00","orderCurrency":"EUR",` +
	`"txnAmount":"27.00","txnCurrency":"EUR","settleRate":"1.0","customsDeclarationAmount":null,` +
	`"customsDeclarationCurrency":null,"paymentMethod":"VISA","walletTypeName":null,` +
	`"paymentMethodDetails":"{\"cardNumber\":\"476134******1390\",\"cardBrand\":\"VISA\"}","cardBinCountry":"DE",` +
	`"channelRequestId":"8009461810961729430360064","status":"S","eci":"05","periodValue":null,` +
	`"reason":"{\"respCode\":\"20000\",\"respMsg\":\"Success\"}","contractId":null,"tokenId":null,` +
	`"paymentId":"1810961729430360065","paymentStatus":"S","originTransactionId":null,"holderName":"Ann Lee",` +
	`"email":"ann@example.com","sign":"SIGNATURE"}`

func BenchmarkVerifyNotification(b *testing.B) {
	secrets := onerway.Secrets{Current: onerway.Conceal("0f1e2d3c4b5a69788796a5b4c3d2e1f0")}
	fields, err := onerway.ParseFields([]byte(saleNotification))
	if err != nil {
		b.Fatal(err)
	}
	header := "v1=" + onerway.Sign(fields, onerway.ExcludedFromNotification, secrets.Current)
	raw := []byte(saleNotification)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := onerway.VerifyNotification(raw, header, secrets); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseFields(b *testing.B) {
	raw := []byte(saleNotification)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := onerway.ParseFields(raw); err != nil {
			b.Fatal(err)
		}
	}
}
