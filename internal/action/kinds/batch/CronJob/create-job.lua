-- A job as the schedule would make it, now: what kubectl create job --from=cronjob/… does. The name has its seconds in it,
-- so that two in one minute do not meet, and fits: a CronJob's has at most 52 characters, a Job's 63.
local template = obj.spec.jobTemplate
local metadata = template.metadata or {}
local annotations = metadata.annotations or {}
annotations["cronjob.kubernetes.io/instantiate"] = "manual"
return {{operation = "create", resource = {
  apiVersion = "batch/v1",
  kind = "Job",
  metadata = {
    name = obj.metadata.name:sub(1, 52) .. "-" .. os.time(),
    namespace = obj.metadata.namespace,
    labels = metadata.labels,
    annotations = annotations,
    ownerReferences = {hawser.owner()},
  },
  spec = template.spec,
}}}
