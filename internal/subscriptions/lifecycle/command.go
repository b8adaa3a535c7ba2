package lifecycle

// Command is what may be asked of a subscription.
type Command string

// The commands.
const (
	// CommandCancel: end it now.
	CommandCancel Command = "cancel"
	// CommandCancelAtPeriodEnd: end it with the period that runs.
	CommandCancelAtPeriodEnd Command = "cancel_at_period_end"
	// CommandPause: charge nothing until it is resumed.
	CommandPause Command = "pause"
	// CommandResume: charge again from the next date on.
	CommandResume Command = "resume"
	// CommandChangeCard: charge another card from now on. What is owed is charged with it at once.
	CommandChangeCard Command = "change_card"
	// CommandChangeTerms: another amount or interval, from the next period on.
	CommandChangeTerms Command = "change_terms"
	// CommandCharge: charge a period as planned. It is ours, not a caller's: a new period, or while one is owed that one alone.
	CommandCharge Command = "charge"
)

// Commands lists every command.
func Commands() []Command {
	return []Command{
		CommandCancel, CommandCancelAtPeriodEnd, CommandPause, CommandResume, CommandChangeCard, CommandChangeTerms, CommandCharge,
	}
}

// Allows tells whether a subscription may be asked to do something. It is pure and total. What repeats itself, such as pausing
// what is paused, is refused like the rest: what the repetition of a request answers is the Idempotency-Key's matter.
//
//	status      cancel  cancel_at_period_end  pause  resume  change_card  change_terms  charge
//	incomplete  no      no                    no     no      no           no            no
//	trialing    yes     yes                   yes    no      yes          yes           yes
//	active      yes     yes                   yes    no      yes          yes           yes
//	past_due    yes     yes                   yes    no      yes          yes           yes
//	unpaid      yes     no                    no     no      yes          no            no
//	paused      yes     yes                   no     yes     yes          yes           no
//	canceled    no      no                    no     no      no           no            no
//	expired     no      no                    no     no      no           no            no
//
// An incomplete subscription waits for its first payment, which like any that is open cannot be called back (API.md §1,
// order_not_cancelable); without it, it expires by itself, and with it, the provider may be silent: that is no matter of the status. An unpaid one has no period that runs, and no charge but with a new
// card.
func Allows(status Status, command Command) bool {
	switch status {
	case StatusTrialing, StatusActive, StatusPastDue:
		return command.known() && command != CommandResume
	case StatusUnpaid:
		return command == CommandCancel || command == CommandChangeCard
	case StatusPaused:
		return command.known() && command != CommandPause && command != CommandCharge
	case StatusIncomplete, StatusCanceled, StatusExpired:
	}
	return false
}

func (c Command) known() bool {
	switch c {
	case CommandCancel, CommandCancelAtPeriodEnd, CommandPause, CommandResume, CommandChangeCard, CommandChangeTerms,
		CommandCharge:
		return true
	}
	return false
}
