-- Checkouts that their shopper will not pay. Also of such as never became an order, so that none becomes one later.

CREATE TABLE given_up (
    checkout_id TEXT   PRIMARY KEY,
    at          BIGINT NOT NULL,
    written_by  TEXT   NOT NULL
);
