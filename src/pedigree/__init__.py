"""Pedigree: from an archive of dog photos to a scored generator that draws new dogs of a given breed."""

__version__ = "0.1.0"
