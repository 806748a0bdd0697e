-- The audit log has no foreign keys: it outlives what it tells of. The server only ever inserts here, so its database
-- role needs neither UPDATE nor DELETE on this table.
CREATE TABLE audit_events (
    id UUID PRIMARY KEY NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    actor_id UUID,
    session_id UUID,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('SUCCESS', 'DENIED', 'FAILURE')),
    reason TEXT NOT NULL,
    transport TEXT NOT NULL,
    rpc_method TEXT NOT NULL,
    ip TEXT,
    user_agent TEXT NOT NULL,
    trace_id TEXT
);
CREATE INDEX audit_events_time ON audit_events (create_time);
CREATE INDEX audit_events_actor ON audit_events (actor_id, create_time);
