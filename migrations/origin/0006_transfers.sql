-- Payouts that a gateway transfers, and where sellers are paid to.

ALTER TABLE payout ADD COLUMN gateway TEXT;                       -- who transfers it; null: it goes by hand
ALTER TABLE payout ADD COLUMN transfer_code TEXT;                 -- the gateway's own name of the transfer
ALTER TABLE payout ADD COLUMN asked_at BIGINT;                    -- when it was asked for last; null: not yet
ALTER TABLE payout ADD COLUMN tries BIGINT NOT NULL DEFAULT 0;    -- how often nothing was learnt
ALTER TABLE payout ADD COLUMN next_try_at BIGINT;                 -- when to ask the gateway next; null: never again
ALTER TABLE payout ADD COLUMN trouble TEXT;                       -- why it needs a person, if it does
ALTER TABLE payout ADD COLUMN last_error TEXT;
ALTER TABLE payout ADD COLUMN request_id TEXT NOT NULL DEFAULT '';

CREATE INDEX payout_due ON payout (next_try_at) WHERE next_try_at IS NOT NULL;

-- Number and holder are in `sealed`, which only BANK_DETAILS_KEYS opens.
CREATE TABLE bank_account (
    seller     TEXT   NOT NULL,
    currency   TEXT   NOT NULL,
    bank_code  TEXT   NOT NULL,
    masked     TEXT   NOT NULL,
    sealed     TEXT   NOT NULL,
    set_at     BIGINT NOT NULL,
    written_by TEXT   NOT NULL,
    PRIMARY KEY (seller, currency)
);
