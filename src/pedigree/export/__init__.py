"""Exports a trained generator into formats that other programs read."""
