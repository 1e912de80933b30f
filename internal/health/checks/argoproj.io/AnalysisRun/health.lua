-- Argo Rollouts: an inconclusive result is neither good nor bad; a person has to decide.
if hawser.get("status.phase") == "Inconclusive" then
  return {status = "Unknown", message = hawser.get("status.message") or "The result is inconclusive"}
end
return hawser.phase{
  waiting = "Waiting for the analysis to start",
  healthy = "Successful", progressing = {"Pending", "Running"}, degraded = {"Failed", "Error"},
}
