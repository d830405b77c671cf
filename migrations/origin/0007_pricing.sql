-- What an order cost, line by line, and how often promotions were redeemed.

ALTER TABLE orders ADD COLUMN quote TEXT; -- JSON of domain::pricing::Quote, as it was agreed; null: lines and one delivery, before there was more

-- A promotion that is counted was part of an order (COUPON-1).
CREATE TABLE redemption (
    order_id         TEXT   NOT NULL REFERENCES orders (id),
    promotion_id     TEXT   NOT NULL,
    name             TEXT   NOT NULL,
    person           TEXT   NOT NULL, -- e-mail address in small letters
    limit_in_all     BIGINT,          -- as they were when it was redeemed; null: none
    limit_per_person BIGINT,
    redeemed_at      BIGINT NOT NULL,
    given_back_at    BIGINT,          -- the order came to nothing; null: it counts
    written_by       TEXT   NOT NULL,
    PRIMARY KEY (order_id, promotion_id)
);

CREATE INDEX redemption_counted ON redemption (promotion_id, person) WHERE given_back_at IS NULL;
CREATE INDEX orders_cart ON orders (cart_id);
