-- Others write it, Flux only reads it.
return {}
