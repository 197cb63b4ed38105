"""Layer 2, once a cluster: namespaces, operators with their CRDs, node pools, the default storage class."""
