-- What the workers of a batch staged becomes the predictions of the date; done twice it changes nothing more.
MERGE `nba_predictions.player_prop_predictions` AS held
USING (
  SELECT *
  FROM `nba_predictions.player_prop_predictions_staging`
  WHERE game_date = @date AND batch_id = @batch_id
) AS staged
ON held.game_date = @date AND held.game_date = staged.game_date AND held.prediction_id = staged.prediction_id
WHEN NOT MATCHED THEN INSERT ROW
