-- Strimzi: either Ready or NotReady is True; NotReady with the reason Creating is the beginning.
local not_ready = hawser.condition("NotReady")
if not_ready ~= nil and not_ready.reason == "Creating" then
  return {status = "Progressing", message = not_ready.message}
end
return hawser.conditions{
  ready = "Ready", failed = "NotReady", paused = "ReconciliationPaused", waiting = "Waiting for the operator",
}
