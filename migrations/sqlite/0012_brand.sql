-- What a realm's pages say of themselves: its name, its colours, its sign. A realm without a row has its own name alone.
CREATE TABLE brand (
    realm INTEGER NOT NULL,
    name TEXT NOT NULL,
    accent TEXT,
    accent_dark TEXT,
    logo_media TEXT,
    logo BLOB,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (realm)
) STRICT;
