"""Our own metrics, on a registry that is given. Names are those that dashboards of Flagger and client-go read.

``canaries`` mirrors the canary objects, ``process`` counts what the controller does, ``queue`` and ``caches`` show the
state of the machinery. docs/metrics.md explains each; a test holds it against what is scraped.
"""
