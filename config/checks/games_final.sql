-- Percent of the date's games, postponed ones aside, that are final.
SELECT SAFE_DIVIDE(COUNTIF(game_status_text = 'Final'), COUNT(*)) * 100 AS value
FROM `nba_raw.v_nbac_schedule_latest`
WHERE game_date = @date
  AND (game_status_text IS NULL OR game_status_text NOT IN ('Postponed', 'Cancelled'))
