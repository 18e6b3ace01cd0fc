-- Percent of the date's player rows that have minutes.
SELECT SAFE_DIVIDE(COUNTIF(minutes_played IS NOT NULL), COUNT(*)) * 100 AS percent
FROM `nba_analytics.player_game_summary`
WHERE game_date = @date
