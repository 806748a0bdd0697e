-- A row without a result is the reservation of a request that is under way: its insertion is what makes a second
-- request with the same id wait for the first.
CREATE TABLE idempotency_keys (
    scope TEXT COLLATE "binary" NOT NULL,
    request_id TEXT COLLATE "binary" NOT NULL,
    fingerprint BYTEA NOT NULL,
    result TEXT,
    expire_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (scope, request_id)
);
CREATE INDEX idempotency_keys_expire ON idempotency_keys (expire_time);
