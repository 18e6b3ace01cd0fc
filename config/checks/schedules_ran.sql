-- Hours since the schedule last ran; none in three days is no number.
SELECT
  '${schedule}' AS subject,
  TIMESTAMP_DIFF(@now, MAX(run_timestamp), MINUTE) / 60 AS value
FROM `${record}.v_validation_runs`
WHERE run_timestamp >= TIMESTAMP_SUB(@now, INTERVAL 72 HOUR) AND run_timestamp <= @now
  AND schedule_name = '${schedule}' AND trigger_source = 'http'
