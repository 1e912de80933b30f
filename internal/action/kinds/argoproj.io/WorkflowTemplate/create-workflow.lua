-- argo submit --from=workflowtemplate/…: the workflow refers to its template and belongs to nobody.
return {{operation = "create", resource = {
  apiVersion = obj.apiVersion,
  kind = "Workflow",
  metadata = {
    name = obj.metadata.name:sub(1, 52) .. "-" .. os.time(),
    namespace = obj.metadata.namespace,
    labels = {["workflows.argoproj.io/workflow-template"] = obj.metadata.name:sub(1, 63)},
  },
  spec = {workflowTemplateRef = {name = obj.metadata.name}},
}}}
