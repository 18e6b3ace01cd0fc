-- Rows that hold the same report of the same processor again, by run.
SELECT run_id AS subject, SUM(listed - 1) AS value
FROM (
  SELECT run_id, phase, processor_name, message_id, COUNT(*) AS listed
  FROM `${record}.v_phase_completions`
  WHERE game_date BETWEEN DATE_SUB(@working_day, INTERVAL 2 DAY) AND DATE_ADD(@working_day, INTERVAL 1 DAY)
  GROUP BY run_id, phase, processor_name, message_id
) AS reports
GROUP BY run_id
