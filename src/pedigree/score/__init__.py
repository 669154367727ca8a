"""The score stage: evaluates the generator and writes the reports."""
