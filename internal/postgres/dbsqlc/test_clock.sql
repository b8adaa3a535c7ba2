-- name: TestClockGet :one
SELECT * FROM test_clock;

-- name: TestClockAhead :one
SELECT ahead_us FROM test_clock;

-- name: TestClockMove :execrows
-- Moves the clock on from where it was read. Zero rows: it has moved meanwhile, or would go back.
UPDATE test_clock SET
    ahead_us = @ahead_us, moved_at = clock_timestamp(), idempotency_principal = sqlc.narg('idempotency_principal'),
    idempotency_key = sqlc.narg('idempotency_key'), idempotency_fingerprint = sqlc.narg('idempotency_fingerprint')
WHERE ahead_us = @from_us AND ahead_us < @ahead_us;

-- name: JobsForward :execrows
-- Brings jobs that wait for a later time nearer by as much as the test clock moves: River knows real time only. The due ones
-- become available at once, since River's own scheduler looks every five seconds; one whose uniqueness begins with that
-- state is left to it. A job that is running, or may begin any moment, may yet put itself off by the clock as it was: it
-- carries the move with it, for JobsCatchUp.
UPDATE river_job SET
    metadata = CASE
        WHEN river_job.state <> 'running' AND scheduled_at > clock_timestamp() THEN metadata
        ELSE jsonb_set(metadata, '{test_clock_us}', to_jsonb(coalesce((metadata ->> 'test_clock_us')::bigint, 0) + move.us))
    END,
    scheduled_at = CASE
        WHEN river_job.state <> 'running' AND scheduled_at > clock_timestamp() THEN scheduled_at - move.us * interval '1 microsecond'
        ELSE scheduled_at
    END,
    state = CASE
        WHEN river_job.state IN ('scheduled', 'retryable')
            AND scheduled_at - move.us * interval '1 microsecond' <= clock_timestamp()
            AND (unique_key IS NULL OR river_job_state_in_bitmask(unique_states, river_job.state)
                OR NOT river_job_state_in_bitmask(unique_states, 'available'))
        THEN 'available' ELSE river_job.state
    END
FROM (SELECT sqlc.arg('by_us')::bigint AS us) AS move
WHERE river_job.state IN ('available', 'scheduled', 'retryable', 'running');

-- name: JobsCatchUp :execrows
-- Brings nearer what put itself off while the clock was being moved. A job that had seen the move runs early once: jobs bear
-- that.
UPDATE river_job SET
    metadata = metadata - 'test_clock_us',
    scheduled_at = scheduled_at - (metadata ->> 'test_clock_us')::bigint * interval '1 microsecond',
    state = CASE
        WHEN river_job.state IN ('scheduled', 'retryable')
            AND scheduled_at - (metadata ->> 'test_clock_us')::bigint * interval '1 microsecond' <= clock_timestamp()
            AND (unique_key IS NULL OR river_job_state_in_bitmask(unique_states, river_job.state)
                OR NOT river_job_state_in_bitmask(unique_states, 'available'))
        THEN 'available' ELSE river_job.state
    END
WHERE metadata ? 'test_clock_us' AND river_job.state IN ('available', 'scheduled', 'retryable');
