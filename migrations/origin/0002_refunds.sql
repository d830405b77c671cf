-- Money that goes back, and disputes.

ALTER TABLE payment ADD COLUMN gateway_id TEXT;   -- the gateway's own name of it, by which it is refunded
ALTER TABLE payment ADD COLUMN fee_minor BIGINT;  -- what the gateway keeps, in minor units of what was captured

CREATE INDEX payment_gateway_id ON payment (gateway, gateway_id);

CREATE TABLE refund (
    id                TEXT   PRIMARY KEY,
    order_id          TEXT   NOT NULL REFERENCES orders (id),
    reference         TEXT   NOT NULL REFERENCES payment (reference),
    amount_minor      BIGINT NOT NULL CHECK (amount_minor > 0),
    currency          TEXT   NOT NULL, -- as it was captured
    cause             TEXT   NOT NULL,
    actor             TEXT   NOT NULL,
    reason            TEXT   NOT NULL,
    part              TEXT   NOT NULL, -- JSON of domain::refund::part::Part
    restock           BIGINT NOT NULL CHECK (restock IN (0, 1)),
    status            TEXT   NOT NULL,
    attempt           BIGINT NOT NULL,
    gateway_refund_id TEXT,
    asked_at          BIGINT,          -- when this attempt was asked for first; null: not yet
    tries             BIGINT NOT NULL DEFAULT 0,
    next_try_at       BIGINT,          -- when to ask the gateway next; null: never again
    last_error        TEXT,
    request_id        TEXT   NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    written_by        TEXT   NOT NULL
);

CREATE INDEX refund_of_order ON refund (order_id);
CREATE INDEX refund_due ON refund (next_try_at) WHERE next_try_at IS NOT NULL;

-- A payer asks their bank for the money back.
CREATE TABLE dispute (
    gateway      TEXT   NOT NULL,
    id           TEXT   NOT NULL, -- the gateway's
    reference    TEXT   NOT NULL REFERENCES payment (reference),
    status       TEXT   NOT NULL,
    amount_minor BIGINT,
    currency     TEXT,
    opened_at    BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    written_by   TEXT   NOT NULL,
    PRIMARY KEY (gateway, id)
);
