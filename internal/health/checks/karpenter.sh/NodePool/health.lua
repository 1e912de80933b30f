-- Karpenter: Ready sums up the other conditions.
return hawser.conditions{ready = "Ready", waiting = "Waiting for Karpenter"}
