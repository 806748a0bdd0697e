-- Refresh tokens are derived from the id and the counter, so no token and no digest of one is stored.
CREATE TABLE sessions (
    id UUID PRIMARY KEY NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    counter BIGINT NOT NULL,
    refresh_time TIMESTAMPTZ NOT NULL,
    expire_time TIMESTAMPTZ NOT NULL,
    client_name TEXT NOT NULL,
    ip TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    end_time TIMESTAMPTZ,
    end_reason TEXT
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expire ON sessions (expire_time);
CREATE INDEX sessions_end ON sessions (end_time) WHERE end_time IS NOT NULL;

-- Private keys are encrypted by the server before they come here: a copy of the database signs nothing.
CREATE TABLE signing_keys (
    id UUID PRIMARY KEY NOT NULL,
    public_key BYTEA NOT NULL,
    sealed_private_key BYTEA NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    activate_time TIMESTAMPTZ NOT NULL,
    retire_time TIMESTAMPTZ NOT NULL
);
