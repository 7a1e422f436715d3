"""What a kubelet mounts into a pod: what proves its account, and what Istio's agent reads."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from testbed.cluster.access import Access
from testbed.mesh.agent import AUDIENCE, PROXY_SOCKET, SECRETS_SOCKET, files_of

Json = dict[str, Any]

_NOT_YET = httpx.codes.NOT_FOUND
_LOOK_SECONDS = 0.1


class Mounts:
    """Writes files for pods."""

    def __init__(self, access: Access) -> None:
        """Take the way to the API server."""
        self._access = access
        self._client = access.client("nodelet")

    async def write_account(self, pod: Json, directory: Path) -> None:
        """Write what the account of a pod is mounted with."""
        namespace = pod["metadata"]["namespace"]
        token = await asyncio.to_thread(self._access.token_of, namespace, account_of(pod))
        (directory / "token").write_text(token)
        (directory / "ca.crt").write_bytes(self._access.authority.read_bytes())
        (directory / "namespace").write_text(namespace)

    async def write_agent(self, pod: Json, directory: Path) -> None:
        """Write what the agent of a pod reads, once istiod has given the namespace its certificate."""
        namespace = pod["metadata"]["namespace"]
        token = await asyncio.to_thread(self._access.token_of, namespace, account_of(pod), audiences=[AUDIENCE])
        root = await self._root(namespace)
        for path, text in files_of(pod["metadata"], token, root).items():
            (directory / path).parent.mkdir(parents=True)
            (directory / path).write_text(text)
        for path in (PROXY_SOCKET, SECRETS_SOCKET):
            (directory / path).parent.mkdir(parents=True)

    async def _root(self, namespace: str) -> str:
        path = f"/api/v1/namespaces/{namespace}/configmaps/istio-ca-root-cert"
        while (answer := await asyncio.to_thread(self._client.get, path)).status_code == _NOT_YET:  # noqa: ASYNC110  # another process'
            await asyncio.sleep(_LOOK_SECONDS)  # a kubelet waits for it as well
        root: str = answer.raise_for_status().json()["data"]["root-cert.pem"]
        return root


def account_of(pod: Json) -> str:
    """Return the name of the service account of a pod."""
    return str(pod["spec"].get("serviceAccountName", "default"))
