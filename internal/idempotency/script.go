package idempotency

import (
	"context"
	"fmt"
)

// One hash per key. Its fields: state (running, done), fingerprint, owner (a random name per Begin), fence (counts
// owners), until (end of the lease, ms), record (the sealed answer). Time is Redis's own, so that processes whose clocks
// differ agree on when a lease ends.

// beginScript: ARGV fingerprint, owner, lease ms, retention ms, fence of a record to disregard (0: none).
// A request that meets its own claim (the client sent it twice) still owns it.
const beginScript = `
local found = redis.call('HMGET', KEYS[1], 'state', 'fingerprint', 'owner', 'fence', 'until', 'record')
local state, fence = found[1], tonumber(found[4] or 0)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if state then
  if found[2] ~= ARGV[1] then return {'reused', fence, ''} end
  if state == 'done' and fence ~= tonumber(ARGV[5]) then return {'done', fence, found[6]} end
  if state == 'running' and found[3] == ARGV[2] then return {'fresh', fence, ''} end
  if state == 'running' and tonumber(found[5]) > now then return {'running', fence, ''} end
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'state', 'running', 'fingerprint', ARGV[1], 'owner', ARGV[2], 'fence', fence + 1,
  'until', string.format('%.0f', now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {state and 'takeover' or 'fresh', fence + 1, ''}
`

// The scripts that end a lease take its owner and fence; of a degraded lease the fence is unknown (0) and the owner,
// unique to its Begin, is enough.
const ownedScript = `
local found = redis.call('HMGET', KEYS[1], 'owner', 'fence', 'state')
if found[1] ~= ARGV[1] or (ARGV[2] ~= '0' and found[2] ~= ARGV[2]) then return 0 end
`

// finishScript: ARGV owner, fence, sealed record, retention ms.
const finishScript = ownedScript + `
redis.call('HSET', KEYS[1], 'state', 'done', 'record', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
`

// abandonScript: ARGV owner, fence. A finished answer stays.
const abandonScript = ownedScript + `
if found[3] ~= 'running' then return 0 end
redis.call('DEL', KEYS[1])
return 1
`

// The states in which beginScript finds or leaves a key.
const (
	stateFresh    = "fresh"
	stateTakeover = "takeover"
	stateDone     = "done"
	stateReused   = "reused"
)

// claim is beginScript's answer.
type claim struct {
	state  string
	fence  int64
	sealed []byte
}

func (s *Store) claim(ctx context.Context, lease Lease, fingerprint [32]byte, disregard int64) (claim, error) {
	var found claim
	err := s.guard.Do(ctx, func(ctx context.Context) error {
		reply, err := s.begin.Run(ctx, s.redis, []string{lease.name},
			string(fingerprint[:]), lease.owner, s.lease.Milliseconds(), retention.Milliseconds(), disregard).Slice()
		if err != nil {
			return err
		}
		found, err = parseClaim(reply)
		return err
	})
	return found, err
}

func parseClaim(reply []any) (claim, error) {
	if len(reply) == 3 {
		state, isText := reply[0].(string)
		fence, isNumber := reply[1].(int64)
		sealed, isSealed := reply[2].(string)
		if isText && isNumber && isSealed {
			return claim{state: state, fence: fence, sealed: []byte(sealed)}, nil
		}
	}
	return claim{}, fmt.Errorf("unexpected answer of %d parts from the begin script", len(reply))
}
