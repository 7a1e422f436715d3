"""The numbers of the sidecars, under Istio's names.

Istio's build of Envoy has a filter that writes istio_requests_total; upstream Envoy counts the same requests under
names of its own. Prometheus renames them while it scrapes. They are the server's: each pod's sidecar counts what it has
handed to its container, by the answer's code, which is what Istio means by reporter="destination".
"""

from pathlib import Path

_JOB = """\
  - job_name: sidecars
    metrics_path: /stats/prometheus
    file_sd_configs:
      - files: ["{targets}/*.json"]
        refresh_interval: 1s
    metric_relabel_configs:
      - {{source_labels: [__name__], regex: 'envoy_cluster_upstream_rq(_time_bucket)?', action: keep}}
      - {{source_labels: [envoy_cluster_name], regex: 'inbound[|].*', action: keep}}
      - source_labels: [__name__]
        regex: envoy_cluster_upstream_rq
        target_label: __name__
        replacement: istio_requests_total
      - source_labels: [__name__]
        regex: envoy_cluster_upstream_rq_time_bucket
        target_label: __name__
        replacement: istio_request_duration_milliseconds_bucket
      - {{target_label: reporter, replacement: destination}}
      - {{source_labels: [workload], target_label: destination_workload}}
      - {{source_labels: [namespace], target_label: destination_workload_namespace}}
      - {{source_labels: [envoy_response_code], target_label: response_code}}
      - {{regex: workload|envoy_cluster_name|envoy_response_code, action: labeldrop}}
"""


def job(targets: Path) -> str:
    """Return what has Prometheus scrape the sidecars that files of a directory name."""
    return _JOB.format(targets=targets)
