"""Tests: cases, properties and real components."""
