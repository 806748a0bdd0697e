-- One set of migrations for both databases. SQLite takes any name as a type, so the types are PostgreSQL's; SQLite's
-- connections keep times as whole microseconds. JSON is kept in TEXT, because JSONB would be numeric in SQLite.
--
-- Columns that are ordered or looked up carry the collation "binary": it is built into SQLite, and on PostgreSQL it is
-- made before the first migration, so that both compare bytes, whatever the locale of the database is.

-- Deleted accounts keep their names until they are purged: nobody can take a name over while it may still be known.
-- The folded columns are computed by the server, because the two databases do not fold beyond ASCII alike.
CREATE TABLE users (
    id UUID PRIMARY KEY NOT NULL,
    username TEXT NOT NULL,
    username_folded TEXT COLLATE "binary" NOT NULL,
    email TEXT NOT NULL,
    email_folded TEXT COLLATE "binary" NOT NULL,
    email_verified BOOLEAN NOT NULL,
    password_hash TEXT NOT NULL,
    display_name TEXT NOT NULL,
    display_name_folded TEXT COLLATE "binary" NOT NULL,
    avatar_url TEXT NOT NULL,
    bio TEXT NOT NULL,
    locale TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ACTIVE', 'PENDING', 'SUSPENDED', 'DELETED')),
    version BIGINT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    update_time TIMESTAMPTZ NOT NULL,
    delete_time TIMESTAMPTZ,
    purge_time TIMESTAMPTZ
);
CREATE UNIQUE INDEX users_username_folded ON users (username_folded);
CREATE UNIQUE INDEX users_email_folded ON users (email_folded);
CREATE INDEX users_purge ON users (purge_time) WHERE purge_time IS NOT NULL;

-- Roles are data, so that an installation can have its own without a release. Roles are read as one text with spaces
-- between them, hence none within a name.
CREATE TABLE roles (
    name TEXT COLLATE "binary" PRIMARY KEY NOT NULL CHECK (name <> '' AND name NOT LIKE '% %'),
    description TEXT NOT NULL
);

-- Permissions are names that the server knows; one that it does not know gives nothing.
CREATE TABLE role_permissions (
    role TEXT COLLATE "binary" NOT NULL REFERENCES roles (name) ON DELETE CASCADE,
    permission TEXT COLLATE "binary" NOT NULL,
    PRIMARY KEY (role, permission)
);

-- Who holds which role on which resource. An empty resource means everywhere: NULL could not be part of the key.
CREATE TABLE role_bindings (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT COLLATE "binary" NOT NULL REFERENCES roles (name),
    resource TEXT COLLATE "binary" NOT NULL DEFAULT '',
    create_time TIMESTAMPTZ NOT NULL,
    expire_time TIMESTAMPTZ,
    PRIMARY KEY (user_id, role, resource)
);
CREATE INDEX role_bindings_role ON role_bindings (role);
