"""Grafana dashboards: made here as JSON, and drawn from a Prometheus for the documentation."""
