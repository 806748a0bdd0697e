-- How often somebody tried in vain to guess a password. Each subject, as an account or an account together with the network of
-- whoever tries, is a message authentication code: a copy of the database tells neither names nor addresses.
CREATE TABLE attempts (
    subject BYTEA PRIMARY KEY NOT NULL,
    failures BIGINT NOT NULL,
    try_time TIMESTAMPTZ NOT NULL,
    known_until TIMESTAMPTZ NOT NULL,
    expire_time TIMESTAMPTZ
);
CREATE INDEX attempts_expire ON attempts (expire_time);
