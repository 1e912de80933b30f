-- It follows its ImageRepository: there is nothing to ask it for.
return {}
