"""Run a sandbox until a signal: ``python -m testbed.sandbox``."""

import argparse
import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
VIRTUAL_SERVICE_CRD = Path(__file__).parent / "virtualservices.yaml"
HTTP_ROUTE_CRD = Path(__file__).parent / "httproutes.yaml"
DEFINITIONS = (ARTIFACTS / "flagger" / "crd.yaml", ARTIFACTS / "flagger" / "metrictemplates.yaml")
"""Of our own kinds."""


def main() -> int:
    """Start a cluster with the CustomResourceDefinitions, say where it is, and wait."""
    parser = argparse.ArgumentParser(prog="python -m testbed.sandbox", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, default=Path(".sandbox/kubeconfig"), help="where to write it")
    parser.add_argument("--pod-seconds", type=float, default=2.0, help="from a pod's creation until it is ready")
    parser.add_argument("--requests-per-second", type=float, default=20.0, help="that the mesh sends to each service")
    parser.add_argument("--scrape-seconds", type=float, default=0.5, help="between two scrapes")
    options = parser.parse_args()
    try:
        from testbed.sandbox.cluster import Cluster  # noqa: PLC0415  # its libraries are those of an extra
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is not installed: pip install -e '.[sandbox]', or start it with make")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    options.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    with Cluster(
        pod_delay=timedelta(seconds=options.pod_seconds),
        scrape=timedelta(seconds=options.scrape_seconds),
        requests_per_second=options.requests_per_second,
    ) as cluster:
        cluster.add_files([VIRTUAL_SERVICE_CRD, HTTP_ROUTE_CRD, *DEFINITIONS])
        print(f"api {cluster.api.url}")
        print(f"prometheus {cluster.prometheus.url}")
        print(f"admin {cluster.admin.url}")
        print(f"kubeconfig {cluster.kubeconfig(options.kubeconfig).resolve()}", flush=True)
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
