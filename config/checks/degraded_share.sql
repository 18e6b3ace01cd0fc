-- Percent of a transition's first triggers that went without something expected, in the 7 days before the working day.
SELECT
  transition AS subject,
  SAFE_DIVIDE(COUNTIF(degraded), COUNT(*)) * 100 AS value,
  CONCAT('of ', CAST(COUNT(*) AS STRING), ' triggers') AS note
FROM `${record}.v_phase_execution_log`
WHERE game_date BETWEEN DATE_SUB(@working_day, INTERVAL 7 DAY) AND DATE_ADD(@working_day, INTERVAL 1 DAY)
  AND decision = 'trigger' AND generation = 1 AND NOT ENDS_WITH(run_id, '/backfill')
GROUP BY transition
HAVING COUNT(*) >= 3
