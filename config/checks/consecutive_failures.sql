-- How often each processor has failed since it last did anything good, in 14 days; repairs of the past aside.
SELECT
  CONCAT(phase, ' ', processor_name) AS subject,
  COUNTIF(outcome = 'failed' AND (good_at IS NULL OR completed_at > good_at)) AS value,
  CONCAT('last good on ', COALESCE(CAST(DATE(MAX(good_at)) AS STRING), 'none of these days')) AS note
FROM (
  SELECT
    phase,
    processor_name,
    outcome,
    completed_at,
    MAX(CASE WHEN outcome IN ('success', 'partial', 'skipped', 'inferred') THEN completed_at END)
      OVER (PARTITION BY phase, processor_name) AS good_at
  FROM `${record}.v_phase_completions`
  WHERE game_date BETWEEN DATE_SUB(@working_day, INTERVAL 14 DAY) AND DATE_ADD(@working_day, INTERVAL 1 DAY)
    AND NOT ENDS_WITH(run_id, '/backfill')
) AS reports
GROUP BY phase, processor_name
