-- The owner is not a foreign key: a room outlives the account that made it, and only its own purge removes it.
CREATE TABLE rooms (
    id UUID PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    name_folded TEXT COLLATE "binary" NOT NULL,
    description TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('PUBLIC', 'PRIVATE')),
    owner_id UUID NOT NULL,
    version BIGINT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    delete_time TIMESTAMPTZ,
    purge_time TIMESTAMPTZ
);
CREATE INDEX rooms_name ON rooms (name_folded, id) WHERE delete_time IS NULL;
CREATE INDEX rooms_owner ON rooms (owner_id, id);
CREATE INDEX rooms_purge ON rooms (purge_time) WHERE purge_time IS NOT NULL;

CREATE TABLE room_members (
    room_id UUID NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX room_members_user ON room_members (user_id, room_id);
