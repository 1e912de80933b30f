-- ECK: red is also the colour of the beginning, when no instance is available yet. What it waits for (mostly
-- Elasticsearch) stands in associationStatus.
if hawser.get("status.associationStatus") == "Failed" then
  return {status = "Degraded", message = "The association with Elasticsearch has failed"}
end
return hawser.phase{path = "status.health", healthy = "green", progressing = {"red", "yellow"}, waiting = "Waiting for the first instance"}
