-- name: EventGet :one
SELECT * FROM events WHERE id = @id;

-- name: EventExists :one
SELECT EXISTS (SELECT FROM events WHERE id = @id);
