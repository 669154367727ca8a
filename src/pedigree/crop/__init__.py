"""The crop stage: cuts one crop per dog, splits the crops into train and holdout, and packs them."""
