-- name: EventGet :one
SELECT * FROM event_log WHERE id = @id;

-- name: EventExists :one
SELECT EXISTS (SELECT FROM event_log WHERE id = @id);
