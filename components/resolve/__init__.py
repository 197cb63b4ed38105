"""Spec and catalog → platform: every default computed, every choice made, each with its reason."""
