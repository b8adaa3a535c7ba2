package orders

import "testing"

// modificationTable is the truth table of NextModification, written again: the columns are the outcomes, a cell is the new
// status, or the verdict where the status stays.
const modificationTable = `
from       succeeded      authorized declined closed   reversed attempt_failed action_required processing unknown never_sent not_found
pending    succeeded      stale      failed   failed   stale    stale          stale           same       unknown failed     failed
unknown    succeeded      stale      failed   failed   stale    stale          stale           pending    same    stale      failed
succeeded  same           stale      conflict conflict stale    stale          stale           stale      stale   stale      conflict
failed     late:succeeded stale      same     same     stale    stale          stale           stale      stale   same       same
`

func TestNextModification_FollowsItsTruthTable(t *testing.T) {
	t.Parallel()
	requireTable(t, modificationTable, ModificationStatuses(), Outcomes(), NextModification)
}
