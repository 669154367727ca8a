"""`params.yaml`: its sections, the recipes, and changes of parameters by name."""
