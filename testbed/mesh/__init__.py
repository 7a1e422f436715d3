"""Istio's real control and data plane on one machine, without containers: what `make mesh` starts."""
