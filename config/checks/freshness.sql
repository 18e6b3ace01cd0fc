-- Days with games since the table's newest partition, of the 14 before the working day.
SELECT
  '${processor}' AS subject,
  COUNTIF(newest.day IS NULL OR played.day > newest.day) AS value,
  CONCAT('newest partition ', COALESCE(CAST(MAX(newest.day) AS STRING), 'older than 14 days')) AS note
FROM (
  SELECT DISTINCT game_date AS day
  FROM `nba_raw.v_nbac_schedule_latest`
  WHERE game_date BETWEEN DATE_SUB(@working_day, INTERVAL 14 DAY) AND DATE_SUB(@working_day, INTERVAL 1 DAY)
    AND (game_status_text IS NULL OR game_status_text NOT IN ('Postponed', 'Cancelled'))
) AS played
CROSS JOIN (
  SELECT MAX(`${date_column}`) AS day
  FROM `${table}`
  WHERE `${date_column}` BETWEEN DATE_SUB(@working_day, INTERVAL 14 DAY) AND DATE_SUB(@working_day, INTERVAL 1 DAY)
) AS newest
HAVING COUNT(*) > 0
