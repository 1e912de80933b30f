-- ECK: phase is what the operator does, health the cluster's colour. Yellow (replicas without a place) is for ever the
-- colour of a cluster of one node, so it does not keep anybody waiting.
local stale = hawser.stale()
if stale ~= nil then
  return stale
end
local phase, colour = hawser.get("status.phase"), hawser.get("status.health")
if phase == "Invalid" or phase == "Stalled" then
  return {status = "Degraded", message = phase == "Invalid" and "The specification is invalid" or "A node cannot be shut down"}
end
if phase ~= "Ready" then
  return {status = "Progressing", message = phase or "Waiting for the cluster to form"}
end
if colour == "red" then
  return {status = "Degraded", message = "The cluster is red: primary shards are missing"}
end
if colour == "yellow" then
  return {status = "Healthy", message = "The cluster is yellow: some replicas have no place"}
end
if colour == "green" then
  return {status = "Healthy"}
end
return {status = "Progressing", message = "The colour of the cluster is not known"}
