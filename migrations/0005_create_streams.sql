-- Tags are a JSON array of strings. The owner is not a foreign key, as with rooms.
CREATE TABLE streams (
    id UUID PRIMARY KEY NOT NULL,
    owner_id UUID NOT NULL,
    title TEXT NOT NULL,
    title_folded TEXT COLLATE "binary" NOT NULL,
    description TEXT NOT NULL,
    visibility TEXT NOT NULL CHECK (visibility IN ('PUBLIC', 'UNLISTED', 'PRIVATE')),
    tags TEXT NOT NULL,
    scheduled_start_time TIMESTAMPTZ,
    state TEXT NOT NULL CHECK (state IN ('IDLE', 'LIVE', 'ENDED')),
    version BIGINT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    delete_time TIMESTAMPTZ,
    purge_time TIMESTAMPTZ
);
CREATE INDEX streams_title ON streams (title_folded, id) WHERE delete_time IS NULL;
CREATE INDEX streams_owner ON streams (owner_id, id);
CREATE INDEX streams_purge ON streams (purge_time) WHERE purge_time IS NOT NULL;
