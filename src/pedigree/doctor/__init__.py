"""What can be wrong with a project that is not the fault of a stage."""
