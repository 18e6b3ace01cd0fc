MERGE `shop_prices.quotes` AS held
USING (SELECT * FROM `shop_staging.quotes` WHERE batch_id = @batch_id AND day = @date) AS staged
ON held.day = staged.day AND held.article = staged.article
WHEN NOT MATCHED THEN INSERT ROW
