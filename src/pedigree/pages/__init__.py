"""What the pages for people share: one HTML file each, which needs no network.

The plots are our own SVG. With Altair, the map of the score page alone would have 470 KB instead of 67 KB, and a page
would need either Vega's JavaScript (900 KB) or `vl-convert-python` (84 MB installed) to render SVG.
"""
