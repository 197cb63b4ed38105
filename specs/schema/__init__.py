"""The schema: one file a top-level key, frozen pydantic classes."""
