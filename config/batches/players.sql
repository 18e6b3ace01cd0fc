-- The players whose predictions are asked for on the date: those with features, in a fixed order.
SELECT DISTINCT player_lookup
FROM `nba_predictions.ml_feature_store_v2`
WHERE game_date = @date
ORDER BY player_lookup
