-- Orders, payments and what is told to the edge.
--
-- One text for SQLite and PostgreSQL: times are milliseconds since 1970, money is minor units, ids and JSON are text.
-- `written_by` names the transaction that wrote a row last.

CREATE TABLE orders (
    id              TEXT   PRIMARY KEY,
    checkout_id     TEXT   NOT NULL UNIQUE, -- ORDER-1
    cart_id         TEXT   NOT NULL,
    status          TEXT   NOT NULL,
    content_digest  TEXT   NOT NULL,
    email           TEXT   NOT NULL,
    address         TEXT   NOT NULL,
    currency        TEXT   NOT NULL,
    delivery_method TEXT   NOT NULL,
    delivery_minor  BIGINT NOT NULL CHECK (delivery_minor >= 0),
    total_minor     BIGINT NOT NULL CHECK (total_minor > 0),
    quote_digest    TEXT   NOT NULL,
    return_url      TEXT   NOT NULL,
    pay_before      BIGINT NOT NULL,
    paid_by         TEXT,
    events          BIGINT NOT NULL DEFAULT 0, -- sequence of its last message in the outbox
    placed_at       BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    written_by      TEXT   NOT NULL
);

CREATE TABLE order_line (
    order_id         TEXT   NOT NULL REFERENCES orders (id),
    position         BIGINT NOT NULL,
    product_id       TEXT   NOT NULL,
    sku              TEXT   NOT NULL,
    slug             TEXT   NOT NULL,
    title            TEXT   NOT NULL,
    seller           TEXT   NOT NULL,
    quantity         BIGINT NOT NULL CHECK (quantity > 0),
    unit_price_minor BIGINT NOT NULL CHECK (unit_price_minor >= 0),
    PRIMARY KEY (order_id, position)
);

CREATE TABLE order_history (
    order_id   TEXT   NOT NULL REFERENCES orders (id),
    position   BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    status     TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    written_by TEXT   NOT NULL,
    PRIMARY KEY (order_id, position)
);

CREATE TABLE payment (
    reference         TEXT   PRIMARY KEY,
    order_id          TEXT   NOT NULL REFERENCES orders (id),
    attempt           BIGINT NOT NULL,
    gateway           TEXT   NOT NULL,
    status            TEXT   NOT NULL,
    expected_minor    BIGINT NOT NULL CHECK (expected_minor > 0),
    expected_currency TEXT   NOT NULL,
    captured_minor    BIGINT,
    captured_currency TEXT,
    redirect_url      TEXT,            -- the gateway's page, once known
    opening_until     BIGINT NOT NULL, -- who asks the gateway for that page has it to itself until then
    observed_at       BIGINT,          -- when the gateway last answered about it
    next_check_at     BIGINT,          -- when to ask the gateway next; null: never again
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    written_by        TEXT   NOT NULL,
    UNIQUE (order_id, attempt)
);

CREATE INDEX payment_due ON payment (next_check_at) WHERE next_check_at IS NOT NULL;

-- What gateways told us by themselves. A row is written in the transaction of its effect, or not at all.
CREATE TABLE gateway_event (
    gateway     TEXT   NOT NULL,
    event_key   TEXT   NOT NULL,
    event       TEXT   NOT NULL,
    reference   TEXT,
    outcome     TEXT   NOT NULL,
    body        TEXT   NOT NULL,
    request_id  TEXT   NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (gateway, event_key)
);

CREATE TABLE outbox (
    id              TEXT   PRIMARY KEY,
    order_id        TEXT   NOT NULL REFERENCES orders (id),
    sequence        BIGINT NOT NULL,
    kind            TEXT   NOT NULL,
    body            TEXT   NOT NULL,
    request_id      TEXT   NOT NULL,
    created_at      BIGINT NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,
    next_attempt_at BIGINT NOT NULL,
    leased_until    BIGINT NOT NULL DEFAULT 0,
    delivered_at    BIGINT,
    outcome         TEXT,
    last_error      TEXT,
    stuck_at        BIGINT, -- failed so often that somebody should look; it is still tried
    UNIQUE (order_id, sequence)
);

CREATE INDEX outbox_due ON outbox (next_attempt_at) WHERE delivered_at IS NULL;

-- Signed requests that were taken, so that none is taken twice. Rows go when their signature is out of time.
CREATE TABLE seen_nonce (
    nonce      TEXT   PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE INDEX seen_nonce_expiry ON seen_nonce (expires_at);
