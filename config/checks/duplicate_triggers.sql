-- Dispatches recorded as the first of a generation beyond the one that there may be, by run and transition.
SELECT
  CONCAT(run_id, ' ', transition, ' ', CAST(generation AS STRING)) AS subject,
  COUNT(*) - 1 AS value
FROM `${record}.v_phase_execution_log`
WHERE game_date BETWEEN DATE_SUB(@working_day, INTERVAL 2 DAY) AND DATE_ADD(@working_day, INTERVAL 1 DAY)
  AND decision = 'trigger'
GROUP BY run_id, transition, generation
