-- The second factor of an account: not counted before it is confirmed. The seed is encrypted by the server before it comes
-- here. No code is good whose step is not after the last one.
CREATE TABLE second_factors (
    user_id UUID PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sealed_seed BYTEA NOT NULL,
    last_step BIGINT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    confirm_time TIMESTAMPTZ,
    -- Whether the password is one that only an account with a second factor may have.
    has_short_password BOOLEAN NOT NULL
);

-- Codes that stand in for the second factor, each once: message authentication codes of them, bound to the account.
CREATE TABLE recovery_codes (
    user_id UUID NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    digest BYTEA NOT NULL,
    PRIMARY KEY (user_id, digest)
);
