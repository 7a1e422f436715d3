"""Running the exec plugin of a kubeconfig: a program that prints a token or a client certificate.

The official package logs what goes wrong and goes on without credentials, which makes us ``system:anonymous``. Here it
is an error with the plugin's own words, as with kubectl.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from informers.errors import ConfigurationError
from informers.types import Json

PLUGIN_SECONDS = 60.0  # nobody waits for a request longer than that
_LOGIN_SECONDS = 600.0  # of a plugin that may ask a person
_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_CLUSTER_KEYS = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
_MOST_CHARACTERS = 500  # of what it says


@dataclass(frozen=True, slots=True)
class Credential:
    """What a plugin gave: a token, a client certificate with its key, or both."""

    token: str | None = field(repr=False)
    certificate: tuple[str, str] | None = field(repr=False)  # PEM
    seconds: float | None  # until it expires; None: it does not say


def run_plugin(
    spec: Mapping[str, Any],
    cluster: Mapping[str, Any],
    what: str,
    *,
    environ: Mapping[str, str],
    now: Callable[[], datetime],
    seconds: float = PLUGIN_SECONDS,
) -> Credential:
    """Run a plugin and return what it gave.

    Args:
        spec: ``exec`` of a kubeconfig's user.
        cluster: the cluster that it is for.
        what: whose plugin it is, for messages.
        environ: the environment that it gets, beside its own.
        now: the wall clock, by which tokens expire.
        seconds: how long it may take if it cannot ask a person.

    Raises:
        ConfigurationError: it cannot be run, fails, or gives nothing that can be used; with its own words.
    """
    command, version = spec.get("command"), spec.get("apiVersion")
    if not isinstance(command, str) or not command:
        raise ConfigurationError(f"{what}: exec names no command")
    if version not in _VERSIONS:
        raise ConfigurationError(f"{what}: apiVersion of exec must be {' or '.join(_VERSIONS)}")
    asks = _may_ask(spec, what)
    variables = {
        **environ,
        **_variables(spec, what),
        "KUBERNETES_EXEC_INFO": json.dumps(_info(spec, cluster, asks=asks)),
    }
    arguments = _arguments(spec, what)
    what = f"{what}: the plugin {command}"
    try:
        printed = _run([command, *arguments], variables, what, asks=asks, seconds=seconds)
    except (OSError, ValueError) as error:
        hint = f". {_words(str(spec['installHint']))}" if spec.get("installHint") else ""
        why = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"{what} cannot be run: {why}{hint}") from error
    return _credential(_status(printed, version, what), what, now())


def _run(command: list[str], variables: Mapping[str, str], what: str, *, asks: bool, seconds: float) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603  # the kubeconfig says what to run, as with kubectl
            command,
            env=variables,
            stdin=None if asks else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if asks else subprocess.PIPE,
            timeout=_LOGIN_SECONDS if asks else seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(f"{what} did not end within {error.timeout:g} s") from error
    if done.returncode != 0:
        said = _words((done.stderr or b"").decode(errors="replace")) or "it said nothing"
        raise ConfigurationError(f"{what} failed with exit code {done.returncode}: {said}")
    return done.stdout


def _may_ask(spec: Mapping[str, Any], what: str) -> bool:
    """Whether the plugin may talk to the person at the terminal."""
    mode = spec.get("interactiveMode") or "IfAvailable"
    there = all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))
    if mode == "Always" and not there:
        raise ConfigurationError(f"{what}: its plugin must ask a person (interactiveMode Always), and nobody is there")
    return there and mode != "Never"


def _arguments(spec: Mapping[str, Any], what: str) -> list[str]:
    arguments = spec.get("args") or []
    if not isinstance(arguments, list):
        raise ConfigurationError(f"{what}: args must be a list")
    return [str(argument) for argument in arguments]


def _variables(spec: Mapping[str, Any], what: str) -> dict[str, str]:
    entries = spec.get("env") or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) and entry.get("name") for entry in entries):
        raise ConfigurationError(f"{what}: env of exec must be a list of name and value")
    return {str(entry["name"]): str(entry.get("value") or "") for entry in entries}


def _info(spec: Mapping[str, Any], cluster: Mapping[str, Any], *, asks: bool) -> Json:
    """Return what the plugin is told of its task."""
    info: Json = {"interactive": asks}
    if spec.get("provideClusterInfo"):
        info["cluster"] = {key: cluster[key] for key in _CLUSTER_KEYS if cluster.get(key)}
        extensions = cluster.get("extensions")
        for extension in extensions if isinstance(extensions, list) else ():
            if isinstance(extension, dict) and extension.get("name") == "client.authentication.k8s.io/exec":
                info["cluster"]["config"] = extension.get("extension")
    return {"apiVersion": spec["apiVersion"], "kind": "ExecCredential", "spec": info}


def _status(printed: bytes, version: object, what: str) -> Json:
    """Return the status of what was printed, none of which is repeated: it may hold the token."""
    try:
        answer = json.loads(printed)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{what} must print an ExecCredential in JSON and nothing else") from error
    if not isinstance(answer, dict) or answer.get("kind") != "ExecCredential":
        raise ConfigurationError(f"{what} printed JSON that is not an ExecCredential")
    if answer.get("apiVersion") != version:
        raise ConfigurationError(f"{what} printed an ExecCredential of another apiVersion than {version}")
    status = answer.get("status")
    return status if isinstance(status, dict) else {}


def _credential(status: Json, what: str, now: datetime) -> Credential:
    token, *pem = (
        value if isinstance(value := status.get(key), str) else ""
        for key in ("token", "clientCertificateData", "clientKeyData")
    )
    certificate, key = pem
    if not token and not (certificate and key):
        raise ConfigurationError(f"{what} gave neither a token nor a client certificate with its key")
    seconds = None
    if status.get("expirationTimestamp"):
        seconds = _seconds_until(str(status["expirationTimestamp"]), what, now)
    return Credential(token or None, (certificate, key) if certificate and key else None, seconds)


def _seconds_until(text: str, what: str, now: datetime) -> float:
    try:
        until = datetime.fromisoformat(text)
        return ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f"{what} gave an expirationTimestamp that is not a time") from error


def _words(text: str) -> str:
    """Return what a program said as one line that is not too long."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))[:_MOST_CHARACTERS]
