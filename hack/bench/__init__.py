"""Benchmarks: what is counted and timed of the controller as a process, on the sandbox in another."""
