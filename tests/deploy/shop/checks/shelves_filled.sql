SELECT 'shelves' AS subject, COUNT(*) AS value
FROM `shop_core.shelves` AS shelves
JOIN `shop_audit.limits` AS limits USING (store)
WHERE shelves.day = @date AND limits.day = @date
