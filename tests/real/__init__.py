"""Tests that need what only some machines have; each says in one line what is missing."""
