"""The commands that draw with a trained generator, dogs as text, and where a picture comes from."""
