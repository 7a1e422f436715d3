"""What needs the real control plane, and nobody else on it: the controller as its Deployment runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from testbed.cluster.access import Access
from testbed.processes import Process

Json = dict[str, Any]

ROOT = Path(__file__).parents[3]
MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount"
AS_A_POD = f"""
mkdir -p {MOUNTED}
mount -t tmpfs tmpfs {MOUNTED}
cp "$SERVICE_ACCOUNT"/* {MOUNTED}/
exec "$@"
"""


class Cluster:
    """The control plane that ``python -m testbed.cluster`` has started."""

    def __init__(self, places: Json, directory: Path) -> None:
        self.places = places
        self.audit_log = Path(places["auditLog"])
        self._directory = directory
        self._access = Access.of(Path(places["directory"]) / "access", places["server"])
        self.api = self._access.client("admin")
        ours = Path(sys.executable).parent  # flagger itself
        path = os.pathsep.join((places["binaries"], str(ours), os.environ["PATH"]))
        # Helm keeps nothing between runs, and finds nothing of the user's.
        helm = {f"HELM_{name}_HOME": str(directory / f"helm-{name.lower()}") for name in ("CACHE", "CONFIG", "DATA")}
        self.environ = {**os.environ, **helm, "KUBECONFIG": places["kubeconfig"], "PATH": path}

    def run(self, command: str) -> str:
        """Run a line of shell as a user at the repository's root would; return what it prints."""
        shell = ["bash", "-euc", command]
        done = subprocess.run(
            shell, cwd=ROOT, env=self.environ, capture_output=True, text=True, check=False, timeout=400
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def pod(self, name: str, deployment: Json, *flags: str) -> Iterator[Process]:
        """Run the controller as a pod of a Deployment: its flags, its environment, what its account gets mounted.

        Args:
            name: for messages and files.
            deployment: where the flags, the environment and the account stand.
            flags: more of them, which win.
        """
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        command, environ = self._inside(name, deployment, [*container.get("args", ()), *flags])
        with Process(name, command, self._directory / f"{name}.log", environ=environ) as process:
            yield process

    def execute(self, name: str, deployment: Json, *arguments: str) -> str:
        """Run ``flagger`` with arguments of its own in such a pod, as kubectl exec would; return what it prints."""
        command, environ = self._inside(name, deployment, arguments)
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def _inside(self, name: str, deployment: Json, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """Return what runs the controller as a pod would, and in which environment."""
        spec = deployment["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        host, port = self.places["server"].removeprefix("https://").split(":")
        environ = {
            **{key: value for key, value in os.environ.items() if key != "KUBECONFIG"},
            **{variable["name"]: variable["value"] for variable in container.get("env", ())},
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
            "SERVICE_ACCOUNT": str(self._secret(name, deployment["metadata"]["namespace"], spec["serviceAccountName"])),
        }
        command = ["unshare", "--mount", "--map-root-user", "bash", "-euc", AS_A_POD, "bash"]
        return [*command, sys.executable, "-m", "controller", *arguments], environ

    def _secret(self, name: str, namespace: str, account: str) -> Path:
        """Return a directory with what a pod of a service account gets mounted."""
        secret = self._directory / name
        secret.mkdir()
        (secret / "token").write_text(self._access.token_of(namespace, account))
        (secret / "ca.crt").write_bytes(self._access.authority.read_bytes())
        (secret / "namespace").write_text(namespace)
        return secret


@pytest.fixture
def cluster(tmp_path) -> Iterator[Cluster]:
    state = os.environ.get("CLUSTER")
    assert state, "needs a real control plane: make e2e"
    found = Cluster(json.loads(Path(state).read_text()), tmp_path)
    yield found
    found.api.close()
