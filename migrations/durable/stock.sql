-- A Stock object: one product's variants and who was promised what.
CREATE TABLE meta (
  one           INTEGER PRIMARY KEY CHECK (one = 1),
  product_id    TEXT NOT NULL,
  unpublished   INTEGER NOT NULL           -- 1 while D1's projection is behind
);
CREATE TABLE level (
  sku           TEXT PRIMARY KEY,
  on_hand       INTEGER NOT NULL CHECK (on_hand >= 0)
);
CREATE TABLE reservation (
  checkout_id   TEXT PRIMARY KEY,
  cart_id       TEXT NOT NULL,
  lines         TEXT NOT NULL,             -- JSON array of domain::stock::StockLine
  state         TEXT NOT NULL,
  expires_at    INTEGER NOT NULL           -- ms since 1970
);
