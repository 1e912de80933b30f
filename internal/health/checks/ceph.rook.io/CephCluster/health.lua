-- Rook: phase is what the operator does, ceph.health what Ceph says: HEALTH_OK, HEALTH_WARN, HEALTH_ERR.
if hawser.get("status.phase") == "Ready" and hawser.get("status.ceph.health") == "HEALTH_ERR" then
  return {status = "Degraded", message = "Ceph reports HEALTH_ERR"}
end
if hawser.get("status.phase") == "Ready" and hawser.get("status.ceph.health") == "HEALTH_WARN" then
  return {status = "Healthy", message = "Ceph reports HEALTH_WARN"}
end
return hawser.phase{
  healthy = {"Ready", "Connected"}, progressing = {"Progressing", "Connecting", "Updating"}, degraded = {"Failure", "Error"},
  waiting = "Waiting for the cluster",
}
