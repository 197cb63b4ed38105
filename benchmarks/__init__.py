"""Measurements of what the design promises about speed, as ratios within one run."""
