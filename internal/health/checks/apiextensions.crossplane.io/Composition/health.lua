-- Crossplane: configuration without a controller that would report on it.
return {status = "Healthy"}
