-- Mails on their way, and for a week what became of them. The letter is encrypted by the server before it comes here, because
-- it may hold a token, and goes as soon as nobody needs it: when the mail was sent, was refused for good, or has expired.
CREATE TABLE mails (
    id UUID PRIMARY KEY NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    sealed_letter BYTEA,
    state TEXT NOT NULL CHECK (state IN ('PENDING', 'SENT', 'LOGGED', 'FAILED', 'EXPIRED')),
    record_time TIMESTAMPTZ NOT NULL,
    expire_time TIMESTAMPTZ NOT NULL,
    purge_time TIMESTAMPTZ NOT NULL,
    -- When the mail may be claimed (again): the end of the lease while somebody has it.
    due_time TIMESTAMPTZ NOT NULL,
    lease_id UUID,
    attempts BIGINT NOT NULL,
    -- Why the last attempt failed; empty when none did.
    error TEXT NOT NULL,
    end_time TIMESTAMPTZ
);
CREATE INDEX mails_pending ON mails (due_time) WHERE state = 'PENDING';
CREATE INDEX mails_expire ON mails (expire_time) WHERE sealed_letter IS NOT NULL;
CREATE INDEX mails_user ON mails (user_id, kind, record_time);
CREATE INDEX mails_purge ON mails (purge_time);
