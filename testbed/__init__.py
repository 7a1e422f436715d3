"""Where the controller is tried: a cluster in a process, a real control plane, and real Istio, all without containers.

Tests, benchmarks and `make run` import it; nothing that is shipped does.
"""
