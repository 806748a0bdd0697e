-- How and when whoever began a session last proved who they are, and when it was last used. Sessions of before, and those
-- that a server of before begins meanwhile, were begun with a password; where a time is missing, that of the begin counts,
-- or that of the last refresh.
ALTER TABLE sessions ADD COLUMN amr TEXT NOT NULL DEFAULT 'pwd';
ALTER TABLE sessions ADD COLUMN auth_time TIMESTAMPTZ;
ALTER TABLE sessions ADD COLUMN last_seen_time TIMESTAMPTZ;

INSERT INTO role_permissions (role, permission) VALUES
    ('admin', 'sessions.read_any'),
    ('admin', 'sessions.revoke_any'),
    ('auditor', 'sessions.read_any');
