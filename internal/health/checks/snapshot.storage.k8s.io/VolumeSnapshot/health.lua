-- CSI snapshots: readyToUse is the verdict. An error is kept while the driver tries again, and goes when it works.
if hawser.get("status.readyToUse") then
  return {status = "Healthy"}
end
local problem = hawser.get("status.error.message")
if problem ~= nil then
  return {status = "Degraded", message = problem}
end
return {status = "Progressing", message = "Waiting for the snapshot to be taken"}
