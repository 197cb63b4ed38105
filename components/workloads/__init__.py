"""Layer 3: what serves models, one component a file."""
