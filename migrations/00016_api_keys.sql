-- +goose Up
CREATE TABLE api_keys (
    id         uuid        CONSTRAINT api_keys_pkey PRIMARY KEY,
    role       text        NOT NULL CONSTRAINT api_keys_role_known CHECK (role IN ('storefront', 'ops', 'admin')),
    name       text        NOT NULL DEFAULT '' CONSTRAINT api_keys_name_short CHECK (char_length(name) <= 100),
    prefix     text        NOT NULL CONSTRAINT api_keys_prefix_short CHECK (char_length(prefix) <= 12),
    digest     bytea       NOT NULL
        CONSTRAINT api_keys_digest_unique UNIQUE
        CONSTRAINT api_keys_digest_sha256 CHECK (octet_length(digest) = 32),
    livemode   boolean     NOT NULL,
    bootstrap  boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz CONSTRAINT api_keys_revoked_after_created CHECK (revoked_at >= created_at)
);

COMMENT ON TABLE api_keys IS 'One row is one API key ever issued; the key itself is never stored.';
COMMENT ON COLUMN api_keys.prefix IS 'The first characters of the key, for people to tell keys apart.';
COMMENT ON COLUMN api_keys.digest IS
    'SHA-256 of the whole key. Unsalted and fast is enough: keys carry at least 160 bits of randomness.';
COMMENT ON COLUMN api_keys.bootstrap IS 'The key came from the configuration, not from a request to create one.';

-- +goose Down
DROP TABLE api_keys;
