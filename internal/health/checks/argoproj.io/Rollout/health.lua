return hawser.conditions{ready="Available"}
