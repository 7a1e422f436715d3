"""A real Prometheus that scrapes the mesh, the kubelets, and every controller that says where it listens.

It judges the alerts as well, and tells them to an Alertmanager if there is one.
"""

import json
from datetime import timedelta
from pathlib import Path

import httpx

from testbed.cluster.control_plane import free_port, wait_until
from testbed.processes import Process

_CONFIG = """\
global:
  scrape_interval: {scrape}ms
  scrape_timeout: {scrape}ms
  evaluation_interval: 1s
rule_files: ["{rules}"]
scrape_configs:
  - job_name: flagger
    scrape_interval: 1s
    scrape_timeout: 1s
    honor_labels: true # namespace means the canary's
    file_sd_configs:
      - files: ["{targets}/*.json"]
        refresh_interval: 1s
"""
_MESH = """\
  - job_name: mesh
    static_configs:
      - targets: ["{mesh}"]
"""
_ALERTING = """\
alerting:
  alertmanagers:
    - static_configs:
        - targets: ["{alertmanager}"]
"""
_KUBELETS = """\
  - job_name: kubelet
    scrape_interval: 1s
    scrape_timeout: 1s
    metrics_path: /metrics/cadvisor
    static_configs:
      - targets: ["{kubelets}"]
"""


SCRAPE = timedelta(milliseconds=200)
ALERTS = Path(__file__).parents[2] / "charts" / "flagger" / "files" / "alerts.yaml"


class Prometheus:
    """A Prometheus that can be stopped and started again on the same port."""

    def __init__(
        self,
        binaries: Path,
        directory: Path,
        mesh: str,
        *,
        kubelets: str = "",
        rules: Path = ALERTS,
        alertmanager: str = "",
        scrape: timedelta = SCRAPE,
        listen: str = "",
    ) -> None:
        """Take what to run and where, and whom to talk to.

        Args:
            binaries: the directory with the programs.
            directory: for data, log and targets.
            mesh: host and port of the mesh's metrics, or a job that scrapes them, as it stands in the configuration.
            kubelets: likewise of the kubelets; "" for none.
            rules: the alerts.
            alertmanager: host and port of who is told of them; "" for nobody.
            scrape: between two scrapes of the mesh.
            listen: its own address; by default a free port of loopback.
        """
        self.targets = directory / "targets"
        self.targets.mkdir(parents=True, exist_ok=True)
        config = directory / "prometheus.yaml"
        text = _CONFIG.format(targets=self.targets, rules=rules, scrape=scrape // timedelta(milliseconds=1))
        text += mesh if "job_name" in mesh else _MESH.format(mesh=mesh)
        text += _KUBELETS.format(kubelets=kubelets) if kubelets else ""
        config.write_text(text + (_ALERTING.format(alertmanager=alertmanager) if alertmanager else ""))
        self._directory = directory
        listen = listen or f"127.0.0.1:{free_port()}"
        self._port = int(listen.rpartition(":")[2])
        self._command = [
            str(binaries / "prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address={listen}",
            "--log.level=warn",
        ]
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Base address."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> Process:
        """Start it and return once it answers; ProcessError if it does not."""
        self._process = Process("prometheus", self._command, self._directory / "prometheus.log")
        wait_until(self._answers, [self._process], "Prometheus answers")
        return self._process

    def stop(self) -> None:
        """Stop it; it can be started again."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready").is_success
        except httpx.TransportError:
            return False


def scrape(targets: Path, name: str, port: int) -> Path:
    """Have Prometheus scrape a controller on a port of loopback, and return the file that says so; delete it to end."""
    path = targets / f"{name}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}"]}]))
    part.rename(path)
    return path
