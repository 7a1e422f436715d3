"""The numbers of the sidecars, under Istio's names.

A pod's sidecar counts the requests that it was sent, as Istio's build does (``EnvoyFilter`` in istiod.yaml). Prometheus
takes Envoy's prefix off while it scrapes, and says whose they are.
"""

from pathlib import Path

_JOB = """\
  - job_name: sidecars
    metrics_path: /stats/prometheus
    file_sd_configs:
      - files: ["{targets}/*.json"]
        refresh_interval: 1s
    metric_relabel_configs:
      - source_labels: [__name__]
        regex: envoy_istio_(requests_total|request_duration_milliseconds_(bucket|sum|count))
        action: keep
      - {{source_labels: [__name__], regex: envoy_(.*), target_label: __name__}}
      - {{source_labels: [workload], target_label: destination_workload}}
      - {{source_labels: [namespace], target_label: destination_workload_namespace}}
      - {{regex: workload, action: labeldrop}}
"""


def job(targets: Path) -> str:
    """Return what has Prometheus scrape the sidecars that files of a directory name."""
    return _JOB.format(targets=targets)
