-- Where NATS has a published event, so that it shows when NATS no longer has it: when its stream was made, in
-- microseconds since 1970, and the number that the event has in it.
ALTER TABLE outbox ADD COLUMN stream BIGINT;
ALTER TABLE outbox ADD COLUMN stream_seq BIGINT;
-- Writers wait for a look at the events of one day, none of which has a stream yet; SQLite knows no other way.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX outbox_stream ON outbox (stream, stream_seq) WHERE stream IS NOT NULL;
