"""The language: YAML text becomes a checked spec. Nothing here knows Pulumi, Kubernetes or the network."""

__version__ = "0.1.0"
