"""The policy pack: rules on the nodes of a graph."""
