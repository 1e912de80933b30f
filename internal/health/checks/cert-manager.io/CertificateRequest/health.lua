-- cert-manager: Ready=False with the reason Pending is the normal course; Failed and Denied are final.
return hawser.conditions{
  ready = "Ready", waits = "Pending", failed = {"Denied", "InvalidRequest"},
  waiting = "Waiting for the request to be approved",
}
