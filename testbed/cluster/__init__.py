"""A real control plane on one machine, without containers: what `make cluster` and `make e2e` start."""
