"""Resuming interrupted runs: checkpoints, fingerprints and signals."""
