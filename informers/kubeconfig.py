"""Which context of which kubeconfig is meant: files are read and merged as kubectl does. Nobody logs in here.

Of two files that set one thing the first wins: the official package takes the last current context, and so another
cluster than kubectl on the same machine.

Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ and client-go's
tools/clientcmd.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from informers.errors import ConfigurationError
from informers.types import Json

_ANOTHER = "Name another with --kubeconfig"
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
YAML_ERRORS = (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
"""What the library raises at a text that is no YAML: a tag such as ``!!int ''`` fails in whatever it calls."""


@dataclass(frozen=True, slots=True)
class Context:
    """A context with the cluster and the user that it names; paths in them are absolute."""

    where: str  # for messages: the kubeconfig
    name: str
    namespace: str
    cluster: Mapping[str, Any]
    user: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The files that make up a kubeconfig, the first of which wins."""

    paths: tuple[Path, ...]
    explicit: bool  # a file that is named by a flag must exist; others are skipped if they don't

    @property
    def where(self) -> str:
        """What messages call it."""
        return f"kubeconfig {':'.join(map(str, self.paths))}"

    def exists(self) -> bool:
        """Whether there is anything to read."""
        return self.explicit or any(map(is_there, self.paths))

    def context(self, name: str | None = None) -> Context:
        """Read the files and return a context.

        Args:
            name: of the context; by default the current one.

        Raises:
            ConfigurationError: a file cannot be read, or the context is not whole; the message says which and why.
        """
        merged = _merged([(path, _read(path)) for path in self.paths if self.explicit or is_there(path)])
        name = name or merged.current
        if not name:
            raise ConfigurationError(f"{self.where}: there is no current-context. {_ANOTHER}")
        context = self._entry(merged.contexts, "context", name)
        cluster = self._entry(merged.clusters, "cluster", context.get("cluster"))
        user = context.get("user")
        return Context(
            where=self.where,
            name=name,
            namespace=str(context.get("namespace") or "default"),
            cluster=cluster,
            user=self._entry(merged.users, "user", user) if user else {},
        )

    def _entry(self, entries: Mapping[str, Json], kind: str, name: object) -> Json:
        if not isinstance(name, str) or name not in entries:
            said = f"there is no {kind} {name}" if name else f"its context names no {kind}"
            raise ConfigurationError(f"{self.where}: {said}. {_ANOTHER}")
        return entries[name]


def is_there(path: Path) -> bool:
    """Whether a file exists, or something keeps us from seeing it, which whoever reads it is told."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def find_kubeconfig(flag: str | None, environ: Mapping[str, str]) -> Kubeconfig:
    """Return the kubeconfig that kubectl would take: of the flag, else of ``KUBECONFIG``, else the user's own."""
    if flag:
        return Kubeconfig((Path(os.path.expanduser(flag)),), explicit=True)  # noqa: PTH111  # Path's raises if homeless
    listed = environ.get("KUBECONFIG") or "~/.kube/config"
    paths = [Path(os.path.expanduser(path)) for path in listed.split(":") if path]  # noqa: PTH111
    return Kubeconfig(tuple(dict.fromkeys(paths)), explicit=False)


@dataclass(slots=True)
class _Merged:
    current: str
    contexts: dict[str, Json]
    clusters: dict[str, Json]
    users: dict[str, Json]


def _merged(files: Sequence[tuple[Path, Json]]) -> _Merged:
    merged = _Merged("", {}, {}, {})
    for path, config in files:
        current = config.get("current-context")
        merged.current = merged.current or (current if isinstance(current, str) else "")
        for kind, entries in (("context", merged.contexts), ("cluster", merged.clusters), ("user", merged.users)):
            for name, entry in _entries(path, config, kind).items():
                entries.setdefault(name, entry)
    return merged


def _read(path: Path) -> Json:
    try:
        parsed = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"kubeconfig {path} cannot be read: {error.strerror}. {_ANOTHER}") from error
    except YAML_ERRORS as error:
        raise ConfigurationError(f"kubeconfig {path} cannot be read: {_problem(error)}. {_ANOTHER}") from error
    if parsed is None:
        return {}
    if not isinstance(parsed, dict):
        raise ConfigurationError(f"kubeconfig {path} is not an object in YAML. {_ANOTHER}")
    return parsed


def _problem(error: Exception) -> str:
    """Return what is wrong and where, without the lines around it: they may hold a token."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it is not YAML"
    return f"line {mark.line + 1}: {problem}" if mark else str(problem)


def _entries(path: Path, config: Json, kind: str) -> dict[str, Json]:
    """Return what ``clusters``, ``contexts`` or ``users`` of one file hold, by name, with absolute paths."""
    listed = config.get(f"{kind}s") or []
    if not isinstance(listed, list):
        raise ConfigurationError(f"kubeconfig {path}: {kind}s must be a list. {_ANOTHER}")
    found: dict[str, Json] = {}
    for entry in listed:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise ConfigurationError(f"kubeconfig {path}: each of {kind}s must have a name. {_ANOTHER}")
        name, body = entry["name"], entry.get(kind) or {}
        if not isinstance(body, dict):
            raise ConfigurationError(f"kubeconfig {path}: {kind} {name} must be an object. {_ANOTHER}")
        if name in found:
            raise ConfigurationError(f"kubeconfig {path}: there are two {kind}s named {name}. {_ANOTHER}")
        found[name] = _absolute(path, body)
    return found


def _absolute(path: Path, body: Json) -> Json:
    """Return a cluster or user whose paths don't depend on the file that it is from."""
    base = path.absolute().parent
    files: Json = {key: str(base / str(body[key])) for key in _FILES if body.get(key)}
    plugin = body.get("exec")
    if isinstance(plugin, dict) and "/" in str(plugin.get("command")):  # else it is looked for in PATH
        files["exec"] = {**plugin, "command": str(base / str(plugin["command"]))}
    return {**body, **files}
