"""The mesh that ``python -m testbed.mesh`` has started, and who leads in it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from testbed.cluster.access import Access

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
_LEASE = "/apis/coordination.k8s.io/v1/namespaces/istio-system/leases/flagger-leader-election"


class Mesh:
    """All that stories in it share."""

    def __init__(self, places: Json) -> None:
        """Take where everything is."""
        self.places = places
        self.directory = Path(places["directory"])
        self.access = Access.of(self.directory / "access", places["server"])
        self.api = self.access.client("admin")
        homes = {f"HELM_{name}_HOME": str(self.directory / f"helm-{name}") for name in ("CACHE", "CONFIG", "DATA")}
        ours = Path(sys.executable).parent  # flagger itself
        path = os.pathsep.join((places["binaries"], str(ours), os.environ["PATH"]))
        self.environ = {**os.environ, **homes, "KUBECONFIG": places["kubeconfig"], "PATH": path}

    def run(self, command: str, *, timeout: float = 400) -> str:
        """Run a line of shell as a user at the repository's root would; return what it prints."""
        shell = ["bash", "-euc", command]
        done = subprocess.run(
            shell, cwd=ROOT, env=self.environ, capture_output=True, text=True, check=False, timeout=timeout
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def leader(self) -> tuple[int, str]:
        """Return the process id of the controller that leads and what it calls itself; 0 if that one has ended."""
        lease = self.api.get(_LEASE).raise_for_status().json()
        identity = lease["spec"]["holderIdentity"]
        for path in Path("/proc").glob("[0-9]*"):
            try:
                command, environ = (path / "cmdline").read_bytes(), (path / "environ").read_bytes()
            except OSError:  # it has ended
                continue
            (host,) = re.findall(rb"(?:^|\0)HOSTNAME=([^\0]*)", environ)[:1] or (b"",)
            if b"\0-m\0controller\0" in command and host and identity.startswith(host.decode()):
                return int(path.name), identity
        return 0, identity
