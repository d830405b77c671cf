-- How far a product's stock has got, so that an import knows whose opening balance it may still set, and whom to tell of it.
-- 0: its Stock object was never asked. 1: it took the opening balance. 2: something was sold or moved, and the object counts.
ALTER TABLE product ADD COLUMN stock_phase INTEGER NOT NULL DEFAULT 0 CHECK (stock_phase IN (0, 1, 2));

-- Of what was before this, only what has changed is known to have been asked.
UPDATE product SET stock_phase = 1
WHERE id IN (SELECT product_id FROM variant WHERE available <> opening_stock);
