-- RabbitMQ cluster operator: AllReplicasReady, ClusterAvailable and ReconcileSuccess; NoWarnings=False is no failure.
-- Initialising is how all of them begin.
local reconciled = hawser.condition("ReconcileSuccess")
if reconciled ~= nil and reconciled.status == "False" and hawser.observed() then
  return {status = "Degraded", message = reconciled.message or reconciled.reason}
end
return hawser.conditions{ready = {"ClusterAvailable", "AllReplicasReady"}, patient = true, waiting = "Waiting for the cluster"}
