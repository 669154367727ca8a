"""The cards of a generator and of its photos, in the form of the Hugging Face Hub."""
