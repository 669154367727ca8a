"""Reads the reports of this and other revisions: comparison, gate, drift, highlights."""
