-- How long the transition took on the working day, from the first report that counted to the trigger,
-- as a multiple of the median of the 14 days before, by mode. Under a minute counts as a minute.
SELECT
  CONCAT('${transition} ', mode) AS subject,
  MAX(CASE WHEN triggered_at >= @day_start THEN seconds END) / MAX(median) AS value,
  CONCAT('a median of ', CAST(CAST(ROUND(MAX(median) / 60) AS INT64) AS STRING), ' min') AS expected,
  CONCAT('from ', CAST(COUNTIF(triggered_at < @day_start) AS STRING), ' nights') AS note
FROM (
  SELECT
    mode,
    triggered_at,
    seconds,
    PERCENTILE_CONT(CASE WHEN triggered_at < @day_start THEN seconds END, 0.5) OVER (PARTITION BY mode) AS median
  FROM (
    SELECT
      triggers.mode AS mode,
      triggers.triggered_at AS triggered_at,
      GREATEST(TIMESTAMP_DIFF(triggers.triggered_at, reports.opened_at, SECOND), 60) AS seconds
    FROM (
      SELECT run_id, mode, MIN(execution_timestamp) AS triggered_at
      FROM `${record}.v_phase_execution_log`
      WHERE game_date BETWEEN DATE_SUB(@working_day, INTERVAL 15 DAY) AND DATE_ADD(@working_day, INTERVAL 1 DAY)
        AND transition = '${transition}' AND decision = 'trigger' AND generation = 1
        AND NOT ENDS_WITH(run_id, '/backfill')
      GROUP BY run_id, mode
    ) AS triggers
    JOIN (
      SELECT run_id, MIN(received_at) AS opened_at
      FROM `${record}.v_phase_completions`
      WHERE game_date BETWEEN DATE_SUB(@working_day, INTERVAL 15 DAY) AND DATE_ADD(@working_day, INTERVAL 1 DAY)
        AND phase = '${after}' AND outcome IN ('success', 'partial', 'skipped', 'inferred')
      GROUP BY run_id
    ) AS reports
    ON reports.run_id = triggers.run_id
    WHERE triggers.triggered_at < @day_end
  ) AS waits
) AS compared
GROUP BY mode
-- Of fewer nights a median says nothing.
HAVING COUNTIF(triggered_at < @day_start) >= 5 AND COUNTIF(triggered_at >= @day_start) > 0
