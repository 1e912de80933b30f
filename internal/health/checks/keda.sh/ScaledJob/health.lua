-- KEDA: Ready is about the triggers; Active only says whether there is work. Fallback means that a trigger cannot be
-- asked and the replica count is a guess. Conditions begin as Unknown.
return hawser.conditions{ready = "Ready", failed = "Fallback", paused = "Paused", waiting = "Waiting for the scaler to be set up"}
