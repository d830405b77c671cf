-- Flash sales: what is sold in them, when and to whom. Who waits in which place is known to the sale's Admission object alone.

CREATE TABLE sale (
  id            TEXT PRIMARY KEY,
  slug          TEXT NOT NULL UNIQUE,
  title         TEXT NOT NULL,
  gathers_at    INTEGER NOT NULL,          -- ms since 1970
  starts_at     INTEGER NOT NULL,
  ends_at       INTEGER NOT NULL,
  rate          INTEGER NOT NULL,          -- people let in within a minute
  pass_length   INTEGER NOT NULL,          -- ms
  cancelled     INTEGER NOT NULL DEFAULT 0 CHECK (cancelled IN (0, 1)),
  commitment    TEXT NOT NULL,             -- SHA-256 of the object's secret
  draw          TEXT,                      -- JSON of domain::admission::Draw, written by the object once it is made
  person_keys   TEXT NOT NULL,             -- a keyring of its own: tells people apart, and nobody who they are
  version       INTEGER NOT NULL           -- counts changes from 1; names cached pages
) STRICT;

CREATE INDEX sale_ends ON sale (ends_at);

CREATE TABLE sale_product (
  sale_id       TEXT NOT NULL REFERENCES sale (id),
  position      INTEGER NOT NULL,
  product_id    TEXT NOT NULL REFERENCES product (id),
  units_max     INTEGER NOT NULL CHECK (units_max > 0), -- for one person, all variants together
  PRIMARY KEY (sale_id, product_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX sale_product_product ON sale_product (product_id);

-- Variants that cost less in a sale. The others of its products cost what they always do.
CREATE TABLE sale_price (
  sale_id       TEXT NOT NULL,
  product_id    TEXT NOT NULL,
  position      INTEGER NOT NULL,
  sku           TEXT NOT NULL,
  price_minor   INTEGER NOT NULL CHECK (price_minor > 0),
  currency      TEXT NOT NULL,
  PRIMARY KEY (sale_id, sku),
  FOREIGN KEY (sale_id, product_id) REFERENCES sale_product (sale_id, product_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX sale_price_product ON sale_price (sale_id, product_id);
