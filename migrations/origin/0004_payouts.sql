-- Money on its way to sellers.

CREATE TABLE payout (
    id           TEXT   PRIMARY KEY,
    run_id       TEXT   NOT NULL,
    seller       TEXT   NOT NULL,
    currency     TEXT   NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    status       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    written_by   TEXT   NOT NULL,
    UNIQUE (run_id, seller, currency)
);

CREATE INDEX payout_created ON payout (created_at);

-- Runs, so that one that found nothing to pay is known as well.
CREATE TABLE payout_run (
    id         TEXT   PRIMARY KEY,
    until      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    written_by TEXT   NOT NULL
);
