-- Refunds above a sum need a second person: whoever asked for one does not decide on it. A refund that waits has its amount
-- reserved, and nothing of ours sends it.

-- +goose Up
ALTER TABLE refunds
    ADD COLUMN created_by text,
    ADD COLUMN approval   text,
    ADD COLUMN decided_by text,
    ADD COLUMN decided_at timestamptz,
    ADD CONSTRAINT refunds_approval_known CHECK (approval IN ('required', 'approved', 'rejected')),
    ADD CONSTRAINT refunds_approval_of_someones CHECK (approval IS NULL OR created_by IS NOT NULL),
    ADD CONSTRAINT refunds_decided_whole CHECK
        ((coalesce(approval, 'required') <> 'required') = (decided_by IS NOT NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
    ADD CONSTRAINT refunds_decided_by_another CHECK (decided_by <> created_by),
    ADD CONSTRAINT refunds_sent_when_approved CHECK (sends = 0 OR coalesce(approval, 'approved') = 'approved'),
    DROP CONSTRAINT refunds_sent_when_known,
    ADD CONSTRAINT refunds_sent_when_known CHECK
        (status IN ('pending', 'failed', 'canceled') OR sent_at IS NOT NULL OR coalesce(approval = 'rejected', false)),
    DROP CONSTRAINT refunds_checked_while_open,
    ADD CONSTRAINT refunds_checked_while_open CHECK
        (status NOT IN ('pending', 'in_review', 'unknown') OR next_check_at IS NOT NULL OR coalesce(approval = 'required', false));

COMMENT ON COLUMN refunds.created_by IS 'The principal who asked for it; NULL: nobody of the merchant''s, or before this was kept.';
COMMENT ON COLUMN refunds.approval IS 'NULL: needs none. While it is required the refund is not sent.';
COMMENT ON COLUMN refunds.decided_by IS 'The principal who approved or rejected it.';

CREATE INDEX refunds_approval_id_idx ON refunds (approval, id) WHERE approval IS NOT NULL;

-- +goose Down
UPDATE refunds SET next_check_at = 'infinity' WHERE approval = 'required' AND status = 'pending';
UPDATE refunds SET sent_at = decided_at WHERE approval = 'rejected' AND sent_at IS NULL;
DROP INDEX refunds_approval_id_idx;
ALTER TABLE refunds
    DROP CONSTRAINT refunds_sent_when_known,
    ADD CONSTRAINT refunds_sent_when_known CHECK (status IN ('pending', 'failed', 'canceled') OR sent_at IS NOT NULL),
    DROP CONSTRAINT refunds_checked_while_open,
    ADD CONSTRAINT refunds_checked_while_open CHECK
        (status NOT IN ('pending', 'in_review', 'unknown') OR next_check_at IS NOT NULL),
    DROP CONSTRAINT refunds_sent_when_approved,
    DROP COLUMN created_by,
    DROP COLUMN approval,
    DROP COLUMN decided_by,
    DROP COLUMN decided_at;
