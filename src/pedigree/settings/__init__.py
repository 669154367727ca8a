"""params.yaml: the sections, the recipes, and changing parameters by name."""
