package onerway

// CodeClass says what kind of answer a response code is.
type CodeClass string

// The classes of response codes.
const (
	ClassApproved      CodeClass = "approved"
	ClassSoft          CodeClass = "soft"          // may succeed later or with other data
	ClassHard          CodeClass = "hard"          // this card must not be tried again
	ClassTechnical     CodeClass = "technical"     // something between us and the issuer broke
	ClassConfiguration CodeClass = "configuration" // our request or our account is wrong; retrying changes nothing
	ClassUnclear       CodeClass = "unknown"       // says nothing about the money: query
)

// FailureCode is the failure code of our public API that a provider code becomes.
type FailureCode string

// The failure codes of the public API.
const (
	FailureCardDeclined           FailureCode = "card_declined"
	FailureExpiredCard            FailureCode = "expired_card"
	FailureIncorrectCVC           FailureCode = "incorrect_cvc"
	FailureInsufficientFunds      FailureCode = "insufficient_funds"
	FailureInvalidNumber          FailureCode = "invalid_number"
	FailureAuthenticationFailed   FailureCode = "authentication_failed"
	FailureAuthenticationTimeout  FailureCode = "authentication_timeout"
	FailureAuthenticationRejected FailureCode = "authentication_rejected"
	FailureProcessingError        FailureCode = "processing_error"
)

// CodeApproved is the only code that says a request was processed. It is not proof of payment: the status decides.
const CodeApproved = "20000"

// CodeInfo is what one response code means.
type CodeInfo struct {
	Code        string
	Class       CodeClass
	Failure     FailureCode
	DeclineCode string
	Message     string
	// Refuses marks codes that, in an answer without data, say that the request was turned away before it became a
	// transaction. All others leave open whether one exists.
	Refuses bool
}

// codeTable is every code of §11 and, marked [sim], the issuer codes that our simulator answers with because the
// provider's own list of them is not public. Codes are opaque text: no meaning is read from ranges.
func codeTable() []CodeInfo {
	const (
		declined  = FailureCardDeclined
		broken    = FailureProcessingError
		ourFault  = "The payment could not be processed. Nothing was charged; please contact the shop."
		tryLater  = "The payment could not be processed right now. Please try again later."
		otherCard = "The card was declined. Please use another card."
	)
	return []CodeInfo{
		{CodeApproved, ClassApproved, "", "", "", false},

		{"40000", ClassConfiguration, broken, "request_rejected", ourFault, true},
		{"40013", ClassConfiguration, broken, "request_unreadable", ourFault, true},
		{"12001", ClassConfiguration, broken, "system_configuration", ourFault, true},
		{"12002", ClassConfiguration, broken, "merchant_disabled", ourFault, true},
		{"12004", ClassConfiguration, broken, "merchant_disabled", ourFault, true},
		{"12005", ClassConfiguration, broken, "invalid_transaction_id", ourFault, true},
		{"12007", ClassConfiguration, broken, "invalid_transaction_id", ourFault, true},
		// A later charge would fit (§11), but the schedule is agreed on and kept by us: one that does not fit it is our mistake.
		{"12006", ClassConfiguration, broken, "recurring_not_due", "The charge does not fit the agreed schedule.", true},
		{"12008", ClassConfiguration, broken, "invalid_ip", ourFault, true},
		{"12010", ClassConfiguration, broken, "transaction_type_not_supported", ourFault, true},
		{"12011", ClassConfiguration, broken, "initiation_failed", ourFault, true},
		{"13001", ClassConfiguration, broken, "invalid_app_id", ourFault, true},
		{"13003", ClassConfiguration, broken, "invalid_transaction_url", ourFault, true},
		{"13005", ClassConfiguration, broken, "invalid_expiry_year", ourFault, true},
		{"13006", ClassConfiguration, broken, "invalid_state", "The billing state or province is not valid.", true},

		{"12003", ClassHard, declined, "card_not_supported", "This kind of card is not supported. Please use another card.", true},
		{"13002", ClassHard, FailureInvalidNumber, "invalid_number", "The card number is not valid.", true},
		{"13004", ClassHard, FailureExpiredCard, "expired_card", "The card has expired. Please use another card.", true},

		{"40201", ClassSoft, FailureAuthenticationFailed, "authentication_failed", "The card could not be authenticated. Please try again or use another card.", false},
		{"40202", ClassSoft, FailureAuthenticationTimeout, "authentication_timeout", "The authentication took too long. Please try again.", false},
		{"40203", ClassHard, FailureAuthenticationRejected, "authentication_rejected", "The bank rejected the authentication. Please use another card.", false},
		{"70002", ClassHard, declined, "generic_decline", otherCard, false},

		// The outcome of these is open. When the signed status says failed, the failure was a technical one.
		{"11001", ClassUnclear, broken, "system_exception", tryLater, false},
		{"12009", ClassUnclear, broken, "channel_timeout", tryLater, false},
		// Seen as "not a success" without any stated meaning.
		{"20001", ClassUnclear, "", "", "", false},
		{"50134", ClassUnclear, "", "", "", false},
		{"60000", ClassUnclear, "", "", "", false},

		// [sim] All of the following.
		{"20005", ClassSoft, declined, "do_not_honor", "The card was declined. Please try again or use another card.", false},
		{"20014", ClassHard, FailureInvalidNumber, "invalid_number", "The card number is not valid.", false},
		{"20051", ClassSoft, FailureInsufficientFunds, "insufficient_funds", "The card has insufficient funds.", false},
		{"20054", ClassHard, FailureExpiredCard, "expired_card", "The card has expired. Please use another card.", false},
		{"20082", ClassSoft, FailureIncorrectCVC, "incorrect_cvc", "The card's security code is incorrect.", false},
		{"20096", ClassTechnical, broken, "issuer_unavailable", "The card's bank cannot be reached. Please try again later.", false},
	}
}

// LookupCode says what a response code means; false stands for a code that no source documents.
func LookupCode(code string) (CodeInfo, bool) {
	for _, row := range codeTable() {
		if row.Code == code {
			return row, true
		}
	}
	return CodeInfo{Code: code, Class: ClassUnclear}, false
}

// Decline is why a transaction with status failed did fail, in our API's words. Category is never approved or unknown.
type Decline struct {
	Category     CodeClass
	Failure      FailureCode
	DeclineCode  string
	Message      string
	ProviderCode string
}

// DeclineOf explains a failed transaction by its response code. That it failed is the signed status's word and not in
// question here: a code that we do not know, or that claims success, becomes a generic hard decline, because retrying a
// card without knowing why it was declined costs scheme fines.
func DeclineOf(code string) Decline {
	info, _ := LookupCode(code)
	if info.Failure == "" {
		return Decline{
			Category: ClassHard, Failure: FailureCardDeclined, DeclineCode: "generic_decline",
			Message: "The card was declined. Please use another card.", ProviderCode: code,
		}
	}
	category := info.Class
	if category == ClassUnclear {
		category = ClassTechnical
	}
	return Decline{
		Category: category, Failure: info.Failure, DeclineCode: info.DeclineCode,
		Message: info.Message, ProviderCode: code,
	}
}
