"""The crop stage: one square per dog, packed and split."""
