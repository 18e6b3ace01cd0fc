-- Hours since the schedule last ran, three days at most; no number while the first run of all is no day old.
SELECT
  '${schedule}' AS subject,
  CASE
    WHEN MIN(run_timestamp) <= TIMESTAMP_SUB(@now, INTERVAL 26 HOUR) THEN
      COALESCE(
        TIMESTAMP_DIFF(@now, MAX(CASE WHEN schedule_name = '${schedule}' THEN run_timestamp END), MINUTE) / 60,
        72
      )
  END AS value
FROM `${record}.v_validation_runs`
WHERE run_timestamp >= TIMESTAMP_SUB(@now, INTERVAL 72 HOUR) AND run_timestamp <= @now
  AND trigger_source = 'http'
