-- GKE: certificateStatus. Google tries again by itself, so Provisioning may last; FailedNotVisible needs a DNS record.
return hawser.phase{
  path = "status.certificateStatus", waiting = "Waiting for the certificate",
  healthy = "Active", progressing = {"Provisioning", "Renewing"},
  degraded = {"ProvisioningFailed", "ProvisioningFailedPermanently", "RenewalFailed", "FailedNotVisible"},
}
