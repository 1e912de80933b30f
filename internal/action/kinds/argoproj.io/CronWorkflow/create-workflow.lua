-- A workflow as the schedule would submit it, now: argo submit --from=cronwf/….
local metadata = hawser.get("spec.workflowMetadata") or {}
local labels, annotations = metadata.labels or {}, metadata.annotations or {}
labels["workflows.argoproj.io/cron-workflow"] = obj.metadata.name
annotations["workflows.argoproj.io/scheduled-time"] = hawser.now()
return {{operation = "create", resource = {
  apiVersion = obj.apiVersion,
  kind = "Workflow",
  metadata = {
    name = obj.metadata.name:sub(1, 52) .. "-" .. os.time(),
    namespace = obj.metadata.namespace,
    labels = labels,
    annotations = annotations,
    finalizers = metadata.finalizers,
    ownerReferences = {hawser.owner()},
  },
  spec = obj.spec.workflowSpec,
}}}
