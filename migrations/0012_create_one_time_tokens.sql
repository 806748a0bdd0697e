-- Tokens that are good once and for a short time: whoever shows one has read a mail, begun to sign in, or come back from
-- where they were sent. The digest is a message authentication code, and the data is encrypted by the server before it comes
-- here: a copy of the database lets nobody make or use one.
CREATE TABLE one_time_tokens (
    digest BYTEA PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    user_id UUID REFERENCES users (id) ON DELETE CASCADE,
    sealed_data BYTEA NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    expire_time TIMESTAMPTZ NOT NULL
);
CREATE INDEX one_time_tokens_user ON one_time_tokens (user_id, kind);
CREATE INDEX one_time_tokens_expire ON one_time_tokens (expire_time);
