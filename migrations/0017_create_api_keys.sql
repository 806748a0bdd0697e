-- What lets programs act for an account. The secret of a key is derived from its id, so neither a secret nor a digest of one
-- is stored. Permissions and networks are names with spaces between them; no network means everywhere.
CREATE TABLE api_keys (
    id UUID PRIMARY KEY NOT NULL,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    display_name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    allowed_networks TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    expire_time TIMESTAMPTZ,
    last_used_time TIMESTAMPTZ,
    delete_time TIMESTAMPTZ
);
CREATE INDEX api_keys_user ON api_keys (user_id);
CREATE INDEX api_keys_expire ON api_keys (expire_time) WHERE expire_time IS NOT NULL;
CREATE INDEX api_keys_delete ON api_keys (delete_time) WHERE delete_time IS NOT NULL;

-- With which key the actor of a line did it; none for people, who have a session, and for the command line.
ALTER TABLE audit_events ADD COLUMN api_key_id UUID;

INSERT INTO role_permissions (role, permission) VALUES
    ('admin', 'api_keys.own'),
    ('admin', 'api_keys.any'),
    ('moderator', 'api_keys.own'),
    ('user', 'api_keys.own'),
    ('auditor', 'api_keys.own'),
    ('service', 'api_keys.own');
