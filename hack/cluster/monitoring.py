"""A real Prometheus that scrapes the mesh."""

from pathlib import Path

import httpx

from hack.cluster.control_plane import free_port, wait_until
from hack.processes import Process

_CONFIG = """\
global:
  scrape_interval: 200ms
  scrape_timeout: 200ms
scrape_configs:
  - job_name: mesh
    static_configs:
      - targets: ["{target}"]
"""


class Prometheus:
    """A Prometheus that can be stopped and started again on the same port."""

    def __init__(self, binaries: Path, directory: Path, target: str) -> None:
        """Take what to run, where to keep data and log, and the host and port to scrape."""
        directory.mkdir(parents=True, exist_ok=True)
        config = directory / "prometheus.yaml"
        config.write_text(_CONFIG.format(target=target))
        self._directory = directory
        self._port = free_port()
        self._command = [
            str(binaries / "prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
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
