-- Events in the order in which their transactions recorded them. The order is the database's (seq), never the clock's:
-- the clocks of two replicas differ, and the ids of events come from clocks.
CREATE TABLE outbox (
    seq BIGSERIAL PRIMARY KEY NOT NULL,
    id UUID NOT NULL,
    event_type TEXT NOT NULL,
    subject TEXT COLLATE "binary" NOT NULL,
    aggregate_version BIGINT NOT NULL,
    trace_parent TEXT,
    payload BYTEA NOT NULL,
    record_time TIMESTAMPTZ NOT NULL,
    -- When the event may be claimed (again): at once where there is none, the end of the lease while somebody has it.
    due_time TIMESTAMPTZ,
    attempts BIGINT NOT NULL DEFAULT 0,
    publish_time TIMESTAMPTZ
);
CREATE UNIQUE INDEX outbox_id ON outbox (id);

-- Published events stay for a day, so the ones that wait are few among many.
CREATE INDEX outbox_pending ON outbox (seq) WHERE publish_time IS NULL;
CREATE INDEX outbox_pending_subject ON outbox (subject, seq) WHERE publish_time IS NULL;
CREATE INDEX outbox_published ON outbox (publish_time) WHERE publish_time IS NOT NULL;
