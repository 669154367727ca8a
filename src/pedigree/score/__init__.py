"""The score stage: how real, how varied, how true to the breed, how much copied."""
