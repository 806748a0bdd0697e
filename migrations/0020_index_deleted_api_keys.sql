-- The events of deleted API keys are read with those of ended sessions and changed accounts. Writers wait for a look at the
-- events of one day.
-- squawk-ignore require-concurrent-index-deletion
DROP INDEX outbox_revocations;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX outbox_revocations ON outbox (record_time)
    WHERE event_type IN ('session.revoked', 'user.updated', 'user.deleted', 'user.api_key_deleted');
