"""The crop stage: cuts one square per dog, splits the crops into train and holdout, and packs them."""
