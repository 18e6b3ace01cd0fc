-- Percent of the players who played on the date whose minutes are known; a third of the rows did not play.
SELECT SAFE_DIVIDE(COUNTIF(minutes_played IS NOT NULL), COUNT(*)) * 100 AS percent
FROM `nba_analytics.player_game_summary`
WHERE game_date = @date AND NOT COALESCE(is_dnp, FALSE)
