-- AWS Controllers for Kubernetes: Terminal needs another spec, Recoverable is tried again; ResourceSynced is the verdict.
return hawser.conditions{
  ready = "ACK.ResourceSynced", failed = {"ACK.Terminal", "ACK.Recoverable"}, patient = true, waiting = "Waiting for the resource",
}
