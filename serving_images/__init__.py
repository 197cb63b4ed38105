"""Images of the serving engines: one folder an engine."""
