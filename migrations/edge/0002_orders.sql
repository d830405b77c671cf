-- What the origin tells of orders, fed by its outbox only; and the nonces of signed requests.

CREATE TABLE order_summary (
  order_id      TEXT PRIMARY KEY,
  checkout_id   TEXT NOT NULL UNIQUE,
  cart_id       TEXT NOT NULL,
  email         TEXT NOT NULL,
  status        TEXT NOT NULL,
  total_minor   INTEGER NOT NULL,
  currency      TEXT NOT NULL,
  lines         TEXT NOT NULL,             -- JSON array of domain::wire::OrderLine
  placed_at     INTEGER NOT NULL,          -- ms since 1970
  sequence      INTEGER NOT NULL,          -- of the last event applied
  outcome       TEXT NOT NULL              -- JSON of domain::wire::EventOutcome, answered again to a repetition
) STRICT;

CREATE TABLE seen_nonce (
  nonce         TEXT PRIMARY KEY,
  seen_at       INTEGER NOT NULL           -- ms since 1970
) STRICT;

CREATE INDEX seen_nonce_seen_at ON seen_nonce (seen_at);
