"""Who may talk to the API server: its certificate, the components' tokens, and kubeconfigs for everybody."""

import json
import secrets
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Self

import httpx
import trustme

USERS: Mapping[str, str] = MappingProxyType(  # user → group
    {
        "admin": "system:masters",
        "kwok": "system:masters",
        "mesh": "system:masters",
        "nodelet": "system:masters",
        "system:kube-controller-manager": "",
        "system:kube-scheduler": "",
    }
)


_TOKEN_SECONDS = 24 * 60 * 60  # nobody renews them, so they outlive a cluster that is left running


@dataclass(frozen=True, slots=True)
class Access:
    """Files that prove who somebody is."""

    directory: Path
    certificate: Path  # of the API server, with its key
    key: Path  # which also signs the tokens of service accounts
    authority: Path  # the certificate that clients trust
    tokens: Path  # of the users, as the API server reads them
    server: str  # URL

    @classmethod
    def of(cls, directory: Path, server: str) -> Self:
        """Name the files of a directory, for an API server at a URL."""
        return cls(
            directory=directory,
            certificate=directory / "server.crt",
            key=directory / "server.key",
            authority=directory / "ca.crt",
            tokens=directory / "tokens.csv",
            server=server,
        )

    def client(self, user: str) -> httpx.Client:
        """Return an HTTP client that speaks as one of the users."""
        headers = {"Authorization": f"Bearer {self._token(user)}"}
        trust = ssl.create_default_context(cafile=str(self.authority))
        return httpx.Client(base_url=self.server, headers=headers, verify=trust, timeout=10)

    def kubeconfig(self, user: str) -> Path:
        """Write a kubeconfig for one of the users and return its path."""
        return self.kubeconfig_for(self._token(user), self.directory / f"{user.removeprefix('system:')}.kubeconfig")

    def kubeconfig_for(self, token: str, path: Path, *, namespace: str = "default") -> Path:
        """Write a kubeconfig for whoever holds a token and return its path."""
        cluster = {"server": self.server, "certificate-authority": str(self.authority)}
        context = {"cluster": "cluster", "user": "user", "namespace": namespace}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "cluster",
            "clusters": [{"name": "cluster", "cluster": cluster}],
            "contexts": [{"name": "cluster", "context": context}],
            "users": [{"name": "user", "user": {"token": token}}],
        }
        path.write_text(json.dumps(config, indent=2) + "\n")
        return path

    def token_of(self, namespace: str, service_account: str, *, audiences: Sequence[str] = ()) -> str:
        """Return a token of a service account; httpx.HTTPStatusError if there is no such account.

        Args:
            namespace: of the account.
            service_account: its name.
            audiences: whom it is for; the API server if there are none.
        """
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        spec = {"expirationSeconds": _TOKEN_SECONDS, **({"audiences": [*audiences]} if audiences else {})}
        with self.client("admin") as admin:
            answer = admin.post(path, json={"spec": spec}).raise_for_status()
        token: str = answer.json()["status"]["token"]
        return token

    def _token(self, user: str) -> str:
        lines = (line.split(",") for line in self.tokens.read_text().splitlines())
        return next(token for token, name, *_ in lines if name == user)


def make_access(directory: Path, port: int, addresses: Sequence[str] = ()) -> Access:
    """Make a certificate and the users' tokens for an API server on a port of loopback, and of more addresses."""
    directory.mkdir(parents=True, exist_ok=True)
    access = Access.of(directory, f"https://127.0.0.1:{port}")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost", "kubernetes.default.svc", *addresses)
    authority.cert_pem.write_to_path(access.authority)
    issued.private_key_pem.write_to_path(access.key)
    access.certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    rows = [f'{secrets.token_hex()},{user},{user},"{group}"' for user, group in USERS.items()]
    access.tokens.write_text("\n".join(rows) + "\n")
    return access
