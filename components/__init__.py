"""From checked spec to resource graph: one pure file a component."""
