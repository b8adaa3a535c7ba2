package onerway_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tillway/internal/onerway"
)

func TestLookupCode_KnowsEveryDocumentedCode(t *testing.T) {
	t.Parallel()
	classes := map[onerway.CodeClass][]string{
		onerway.ClassApproved: {"20000"},
		onerway.ClassConfiguration: {
			"40000", "40013", "12001", "12002", "12004", "12005", "12006", "12007", "12008", "12010", "12011",
			"13001", "13003", "13005", "13006",
		},
		onerway.ClassHard:      {"12003", "13002", "13004", "40203", "70002", "20014", "20054"},
		onerway.ClassSoft:      {"40201", "40202", "20005", "20051", "20082"},
		onerway.ClassTechnical: {"20096"},
		onerway.ClassUnclear:   {"20001", "50134", "60000", "11001", "12009"},
	}
	for class, codes := range classes {
		for _, code := range codes {
			info, known := onerway.LookupCode(code)
			require.True(t, known, code)
			require.Equal(t, class, info.Class, code)
			require.Equal(t, code, info.Code)
		}
	}
}

func TestLookupCode_ReadsNothingIntoUnknownCodes(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"", "13007", "200000", "02000", " 20000", "00", "SUCCESS"} {
		info, known := onerway.LookupCode(code)
		require.False(t, known, code)
		require.Equal(t, onerway.CodeInfo{Code: code, Class: onerway.ClassUnclear}, info)
	}
}

func TestDeclineOf_ExplainsEveryFailure(t *testing.T) {
	t.Parallel()
	cases := []struct {
		code        string
		category    onerway.CodeClass
		failure     onerway.FailureCode
		declineCode string
	}{
		{"20051", onerway.ClassSoft, onerway.FailureInsufficientFunds, "insufficient_funds"},
		{"20054", onerway.ClassHard, onerway.FailureExpiredCard, "expired_card"},
		{"20082", onerway.ClassSoft, onerway.FailureIncorrectCVC, "incorrect_cvc"},
		{"20005", onerway.ClassSoft, onerway.FailureCardDeclined, "do_not_honor"},
		{"20014", onerway.ClassHard, onerway.FailureInvalidNumber, "invalid_number"},
		{"20096", onerway.ClassTechnical, onerway.FailureProcessingError, "issuer_unavailable"},
		{"40201", onerway.ClassSoft, onerway.FailureAuthenticationFailed, "authentication_failed"},
		{"40202", onerway.ClassSoft, onerway.FailureAuthenticationTimeout, "authentication_timeout"},
		{"40203", onerway.ClassHard, onerway.FailureAuthenticationRejected, "authentication_rejected"},
		{"12002", onerway.ClassConfiguration, onerway.FailureProcessingError, "merchant_disabled"},
		{"11001", onerway.ClassTechnical, onerway.FailureProcessingError, "system_exception"},
		{"70002", onerway.ClassHard, onerway.FailureCardDeclined, "generic_decline"},
		{"60000", onerway.ClassHard, onerway.FailureCardDeclined, "generic_decline"},
		{"20000", onerway.ClassHard, onerway.FailureCardDeclined, "generic_decline"},
		{"13007", onerway.ClassHard, onerway.FailureCardDeclined, "generic_decline"},
		{"", onerway.ClassHard, onerway.FailureCardDeclined, "generic_decline"},
	}
	for _, test := range cases {
		decline := onerway.DeclineOf(test.code)
		require.Equal(t, test.category, decline.Category, test.code)
		require.Equal(t, test.failure, decline.Failure, test.code)
		require.Equal(t, test.declineCode, decline.DeclineCode, test.code)
		require.Equal(t, test.code, decline.ProviderCode)
		require.NotEmpty(t, decline.Message)
	}
}

func TestParseStatus_TakesAnythingUnlistedForUnknown(t *testing.T) {
	t.Parallel()
	final := []onerway.Status{onerway.StatusSucceeded, onerway.StatusFailed, onerway.StatusClosed}
	for code, want := range map[string]onerway.Status{
		"S": onerway.StatusSucceeded, "F": onerway.StatusFailed, "P": onerway.StatusProcessing,
		"R": onerway.StatusRequiresAction, "N": onerway.StatusClosed, "I": onerway.StatusInReview,
		"U": onerway.StatusAwaitingPayment,
		"":  onerway.StatusUnknown, "s": onerway.StatusUnknown, "A": onerway.StatusUnknown, "SS": onerway.StatusUnknown,
	} {
		require.Equal(t, want, onerway.ParseStatus(code), code)
		if want.Final() {
			require.Contains(t, final, want)
		}
	}
	for _, status := range final {
		require.True(t, status.Final())
	}
}
