"""The documentation, and `generate.py`, which writes the pages that follow from the code."""
