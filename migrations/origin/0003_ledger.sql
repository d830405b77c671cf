-- The books, and what the shop keeps of each line. A debit is positive, a credit negative.

ALTER TABLE order_line ADD COLUMN commission_points BIGINT NOT NULL DEFAULT 0; -- hundredths of a percent, as they were at the sale

CREATE TABLE ledger_entry (
    id         TEXT   PRIMARY KEY,
    at         BIGINT NOT NULL,
    cause      TEXT   NOT NULL,
    subject    TEXT   NOT NULL, -- what caused it: each thing once
    order_id   TEXT   REFERENCES orders (id),
    reference  TEXT   REFERENCES payment (reference),
    currency   TEXT   NOT NULL,
    request_id TEXT   NOT NULL,
    written_by TEXT   NOT NULL,
    UNIQUE (cause, subject)
);

CREATE TABLE ledger_posting (
    entry_id     TEXT   NOT NULL REFERENCES ledger_entry (id),
    position     BIGINT NOT NULL,
    account      TEXT   NOT NULL,
    amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
    PRIMARY KEY (entry_id, position)
);

CREATE INDEX ledger_posting_account ON ledger_posting (account, entry_id);
CREATE INDEX ledger_entry_at ON ledger_entry (at, id);
