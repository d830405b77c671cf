-- The catalogue. `product` and `variant` are its home; `category` is recounted from them.

CREATE TABLE product (
  id            TEXT PRIMARY KEY,          -- UUIDv7
  sku           TEXT NOT NULL UNIQUE,
  slug          TEXT NOT NULL UNIQUE,      -- never changes once given
  title         TEXT NOT NULL,
  description   TEXT NOT NULL,
  brand         TEXT,
  category      TEXT NOT NULL,             -- JSON array of names, from the top
  category_path TEXT NOT NULL,             -- slugs joined by '/', '' for none
  price_minor   INTEGER NOT NULL CHECK (price_minor >= 0),
  currency      TEXT NOT NULL,
  attributes    TEXT NOT NULL,             -- JSON array of [name, value]
  pictures      TEXT NOT NULL,             -- JSON array of domain::wire::Picture
  codes         TEXT NOT NULL,             -- JSON array of EAN, UPC
  seller        TEXT NOT NULL,
  content_hash  TEXT NOT NULL,             -- of everything an import may change
  version       INTEGER NOT NULL,          -- counts changes from 1; names snapshots and cached pages
  created_at    INTEGER NOT NULL,          -- ms since 1970
  updated_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX product_category ON product (category_path, created_at);
CREATE INDEX product_created ON product (created_at DESC);

CREATE TABLE variant (
  sku           TEXT PRIMARY KEY,
  product_id    TEXT NOT NULL REFERENCES product (id),
  position      INTEGER NOT NULL,
  options       TEXT NOT NULL,             -- JSON array of [name, value]
  price_minor   INTEGER NOT NULL CHECK (price_minor >= 0),
  opening_stock INTEGER NOT NULL CHECK (opening_stock >= 0), -- taken over by the Stock object when it is first touched
  available     INTEGER NOT NULL CHECK (available >= 0),     -- projection of the Stock object, a hint
  picture       INTEGER
) STRICT;

CREATE INDEX variant_product ON variant (product_id, position);

CREATE TABLE category (
  path          TEXT PRIMARY KEY,          -- slugs joined by '/'
  name          TEXT NOT NULL,
  parent        TEXT NOT NULL,             -- '' for the top
  product_count INTEGER NOT NULL           -- products in it and below it
) STRICT;

CREATE INDEX category_parent ON category (parent, product_count DESC);

-- One row: what every anonymous page depends on.
CREATE TABLE catalogue (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  version       INTEGER NOT NULL,
  product_count INTEGER NOT NULL,
  brand_count   INTEGER NOT NULL
) STRICT;

INSERT INTO catalogue (one, version, product_count, brand_count) VALUES (1, 1, 0, 0);
