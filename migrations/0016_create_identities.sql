-- Accounts at providers by which people sign in. Whoever it is about there is known by the subject alone, which the provider
-- never gives to anybody else; the e-mail address is only shown. What providers hand out is not kept.
CREATE TABLE identities (
    id UUID PRIMARY KEY NOT NULL,
    provider TEXT COLLATE "binary" NOT NULL,
    subject TEXT COLLATE "binary" NOT NULL CHECK (subject <> ''),
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    last_use_time TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX identities_subject ON identities (provider, subject);
CREATE UNIQUE INDEX identities_user ON identities (user_id, provider);
