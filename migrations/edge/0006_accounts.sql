-- Shoppers who have accounts, where they are signed in, and what is tried of late.

CREATE TABLE shopper (
  id            TEXT PRIMARY KEY,
  email         TEXT NOT NULL,             -- as it was typed; whoever has the account has read what went there
  email_key     TEXT NOT NULL UNIQUE,      -- domain::account::email_key
  name          TEXT NOT NULL,             -- may be empty
  password      TEXT NOT NULL,             -- Argon2id, as a PHC string
  cart_id       TEXT NOT NULL,             -- the one cart of this account, on every device
  created_at    INTEGER NOT NULL           -- ms since 1970
) STRICT;

CREATE TABLE session (
  token_hash    TEXT PRIMARY KEY,          -- SHA-256 of what the browser has
  shopper_id    TEXT NOT NULL REFERENCES shopper (id),
  device        TEXT NOT NULL,             -- as its owner would call it: Firefox on Linux
  created_at    INTEGER NOT NULL,
  seen_at       INTEGER NOT NULL           -- to the hour
) STRICT;

CREATE INDEX session_shopper ON session (shopper_id);
CREATE INDEX session_seen_at ON session (seen_at);

-- Orders that belong to an account though they were placed from another cart and with another address.
CREATE TABLE shopper_order (
  order_id      TEXT PRIMARY KEY,
  shopper_id    TEXT NOT NULL REFERENCES shopper (id),
  claimed_at    INTEGER NOT NULL
) STRICT;

CREATE INDEX shopper_order_shopper ON shopper_order (shopper_id);

-- One row a try: of a password, or of having a link sent.
CREATE TABLE account_try (
  what          TEXT NOT NULL,             -- keyed digest of the address and domain::account::Try
  tried_at      INTEGER NOT NULL
) STRICT;

CREATE INDEX account_try_what ON account_try (what, tried_at);
CREATE INDEX account_try_tried_at ON account_try (tried_at);

CREATE INDEX order_summary_cart ON order_summary (cart_id);
CREATE INDEX order_summary_email ON order_summary (lower(email));
