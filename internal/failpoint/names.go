package failpoint

// Name is a place in the program where a process can be made to die.
type Name string

// The arrows of a money operation (design §3) and of a notification (design §5), each on the side of the commit that its
// name tells.
const (
	OrderBeforeCreate Name = "order/before-create"
	OrderAfterCreate  Name = "order/after-create"
	OrderBeforeCancel Name = "order/before-cancel"
	OrderAfterCancel  Name = "order/after-cancel"

	PayBeforeT1 Name = "pay/before-t1"
	PayAfterT1  Name = "pay/after-t1"
	PayAnswered Name = "pay/answered"
	PayAfterT2  Name = "pay/after-t2"

	ProviderWritten  Name = "provider/request-written"
	ProviderAnswered Name = "provider/answer-begun"

	RefundBeforeT1 Name = "refund/before-t1"
	RefundAfterT1  Name = "refund/after-t1"
	RefundTaken    Name = "refund/taken"
	RefundAnswered Name = "refund/answered"
	RefundAfterT2  Name = "refund/after-t2"

	DecideAfter Name = "decide/after"

	ModifyBeforeT1 Name = "modify/before-t1"
	ModifyAfterT1  Name = "modify/after-t1"
	ModifyAnswered Name = "modify/answered"
	ModifyAfterT2  Name = "modify/after-t2"

	KeepAfterT1  Name = "keep/after-t1"
	KeepAnswered Name = "keep/answered"
	KeepAfterT2  Name = "keep/after-t2"

	DetachAfter  Name = "detach/after"
	TokenRemoved Name = "token/removed"

	ReplyBeforeStore Name = "reply/before-store"
	ReplyAfterStore  Name = "reply/after-store"

	NotificationVerified  Name = "notification/verified"
	NotificationStored    Name = "notification/stored"
	NotificationBeforeJob Name = "notification/before-job"
	NotificationAfterJob  Name = "notification/after-job"

	SettleClaimed  Name = "settle/claimed"
	SettleAnswered Name = "settle/answered"
	SettleApplied  Name = "settle/applied"

	SettleRefundClaimed  Name = "settle-refund/claimed"
	SettleRefundAnswered Name = "settle-refund/answered"
	SettleRefundApplied  Name = "settle-refund/applied"

	SettleModificationClaimed  Name = "settle-modification/claimed"
	SettleModificationAnswered Name = "settle-modification/answered"
	SettleModificationApplied  Name = "settle-modification/applied"

	DisputeAnswered  Name = "dispute/answered"
	DisputesImported Name = "disputes/read"

	ExpireBefore Name = "expire/before"
	ExpireAfter  Name = "expire/after"
)

// The arrows of a subscription: of its purchases, of a step that a worker takes, and of the end of its contract.
const (
	PurchaseAfterT1  Name = "purchase/after-t1"
	PurchaseOrdered  Name = "purchase/ordered"
	PurchaseAnswered Name = "purchase/answered"

	RenewClaimed Name = "renew/claimed"
	RenewDecided Name = "renew/decided"
	RenewBilled  Name = "renew/billed"
	RenewCharged Name = "renew/charged"
	RenewAtWrite Name = "renew/before-write"
	RenewWritten Name = "renew/written"

	ContractBeforeEnd Name = "contract/before-end"
	ContractEnded     Name = "contract/ended"
)

// By is who passes a point.
type By string

// Requests are passed by processes that serve; sweeps and jobs by processes that work, jobs only while there is one to do.
const (
	ByRequest By = "request"
	BySweep   By = "sweep"
	ByJob     By = "job"
)

// Point is a name, who passes it, and what has happened, and what not, when a process dies there.
type Point struct {
	Name  Name
	By    By
	Means string
}

// All returns every point of orders and their payments, in the order in which a payment passes them.
func All() []Point {
	return []Point{
		{OrderBeforeCreate, ByRequest, "an order is checked and not recorded"},
		{OrderAfterCreate, ByRequest, "an order is recorded and nobody told"},
		{PayBeforeT1, ByRequest, "a payment is admitted and not recorded"},
		{PayAfterT1, ByRequest, "T1 is committed, the provider not called"},
		{ProviderWritten, ByRequest, "the request is written, nothing answered"},
		{ProviderAnswered, ByRequest, "the first bytes of the answer are here, its body not read"},
		{PayAnswered, ByRequest, "the answer is understood, T2 not begun"},
		{PayAfterT2, ByRequest, "T2 is committed, the caller not answered"},
		{RefundBeforeT1, ByRequest, "a refund is checked, neither recorded nor reserved"},
		{RefundAfterT1, ByRequest, "a refund is recorded and reserved, and nobody's to send yet"},
		{RefundTaken, ByRequest, "a refund is marked as sent, the provider not called"},
		{RefundAnswered, ByRequest, "the answer to a refund is understood, T2 not begun"},
		{RefundAfterT2, ByRequest, "the answer to a refund is committed, the caller not answered"},
		{DecideAfter, ByRequest, "the decision on a refund is committed, the refund not sent"},
		{ModifyBeforeT1, ByRequest, "a capture or void is checked and not recorded"},
		{ModifyAfterT1, ByRequest, "a capture or void is recorded, the provider not called"},
		{ModifyAnswered, ByRequest, "the answer to a capture or void is understood, T2 not begun"},
		{ModifyAfterT2, ByRequest, "the answer to a capture or void is committed, the caller not answered"},
		{KeepAfterT1, ByRequest, "a card to be saved is recorded, the provider not called"},
		{KeepAnswered, ByRequest, "the provider keeps the card, its token is not recorded"},
		{KeepAfterT2, ByRequest, "a card is saved and nobody told"},
		{DetachAfter, ByRequest, "a card is detached, its removal ordered, nobody told"},
		{ReplyBeforeStore, ByRequest, "the reply is made, not stored under its key"},
		{ReplyAfterStore, ByRequest, "the reply is stored, the caller not answered"},
		{OrderBeforeCancel, ByRequest, "a cancellation is allowed and not recorded"},
		{OrderAfterCancel, ByRequest, "a cancellation is recorded and nobody told"},
		{NotificationVerified, ByRequest, "a notification is verified, nothing written"},
		{NotificationStored, ByRequest, "a notification is committed, not acknowledged"},
		{NotificationBeforeJob, ByJob, "a job is about to try a notification again"},
		{NotificationAfterJob, ByJob, "a job has tried a notification again, the queue does not know"},
		{TokenRemoved, BySweep, "the provider has forgotten a card, nothing recorded"},
		{SettleClaimed, BySweep, "payments are claimed, the provider not asked"},
		{SettleAnswered, BySweep, "the provider has answered a query, nothing applied"},
		{SettleApplied, BySweep, "the answer to a query is committed"},
		{SettleRefundClaimed, BySweep, "refunds are claimed, neither sent nor asked about"},
		{SettleRefundAnswered, BySweep, "the provider has told of a refund, nothing applied"},
		{SettleRefundApplied, BySweep, "what it told of the refund is committed"},
		{SettleModificationClaimed, BySweep, "captures and voids are claimed, the provider not asked"},
		{SettleModificationAnswered, BySweep, "the provider has told of a capture or void, nothing applied"},
		{SettleModificationApplied, BySweep, "what it told of the capture or void is committed"},
		{DisputeAnswered, BySweep, "the provider has told of a chargeback, nothing applied"},
		{DisputesImported, BySweep, "a page of its list of chargebacks is read, nothing applied"},
		{ExpireBefore, BySweep, "orders are found to be over and still stand"},
		{ExpireAfter, BySweep, "orders are ended, the sweep not over"},
	}
}

// Renewals returns every point of subscriptions, in the order in which one passes them.
func Renewals() []Point {
	return []Point{
		{PurchaseAfterT1, ByRequest, "a subscription and its purchase are recorded, no order made"},
		{PurchaseOrdered, ByRequest, "the order of a purchase is made, nothing paid"},
		{PurchaseAnswered, ByRequest, "a purchase has its outcome, the subscription does not know it"},
		{RenewClaimed, BySweep, "subscriptions are claimed, none is looked at"},
		{RenewDecided, BySweep, "a step is decided on, nothing is done"},
		{RenewBilled, BySweep, "the order of a period is made, the subscription does not know it"},
		{RenewAtWrite, BySweep, "what a step does is done, the step is not written"},
		{RenewWritten, BySweep, "a step is written, the next not decided on"},
		{RenewCharged, BySweep, "a period's charge has its outcome, the subscription does not know it"},
		{ContractBeforeEnd, BySweep, "contracts are claimed, the provider is not told to end one"},
		{ContractEnded, BySweep, "the provider has ended a contract, nothing is written"},
	}
}
