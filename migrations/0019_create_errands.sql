-- What somebody has asked for and is done after their answer, so that neither the answer nor its time tells what was found.
-- The slip says what and for whom; it is encrypted by the server before it comes here, and gone when it is done.
CREATE TABLE errands (
    id UUID PRIMARY KEY NOT NULL,
    sealed_slip BYTEA NOT NULL,
    record_time TIMESTAMPTZ NOT NULL,
    expire_time TIMESTAMPTZ NOT NULL
);
CREATE INDEX errands_expire ON errands (expire_time);
