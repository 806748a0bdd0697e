-- Programs that are sent the tokens of others may ask whether they are good.
INSERT INTO role_permissions (role, permission) VALUES
    ('admin', 'tokens.validate'),
    ('service', 'tokens.validate');

-- What ended somebody's access or changed it, for programs that were away for a while. Writers wait for a look at the
-- events of one day; SQLite knows no other way.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX outbox_revocations ON outbox (record_time)
    WHERE event_type IN ('session.revoked', 'user.updated', 'user.deleted');
