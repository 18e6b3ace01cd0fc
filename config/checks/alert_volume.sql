-- Alerts that were first raised in the last 24 hours.
SELECT COUNT(DISTINCT alert_id) AS value
FROM `${record}.v_alerts`
WHERE first_at > TIMESTAMP_SUB(@now, INTERVAL 24 HOUR) AND first_at <= @now
