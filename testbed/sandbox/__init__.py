"""A cluster in one Python process: API server, deployment controller, mesh and Prometheus on loopback."""
