"""Which object, and which version of it (contract S20)."""

from informers.types import LONGEST_VERSION, IdentityError


def is_older(version: str, than: str) -> bool:
    """Whether a version is strictly older; where one is no number of etcd's the server's word wins, so it is not."""
    return _is_version(version) and _is_version(than) and int(version) < int(than)


def _is_version(text: str) -> bool:
    return len(text) <= LONGEST_VERSION and text.isascii() and text.isdigit()


def identity(obj: object) -> tuple[str, str, str, str]:
    """Return namespace ("" in cluster scope), name, uid and version of an object; IdentityError if it has none."""
    meta = obj.get("metadata") if isinstance(obj, dict) else None
    if not isinstance(meta, dict):
        raise IdentityError(f"metadata must be an object, not a {type(meta).__name__}")
    namespace, name = meta.get("namespace", ""), meta.get("name")
    uid, version = meta.get("uid"), meta.get("resourceVersion")
    if not (
        isinstance(namespace, str)
        and isinstance(name, str)
        and name
        and isinstance(uid, str)
        and isinstance(version, str)
    ):
        raise IdentityError("metadata must have name, uid and resourceVersion as text, and so any namespace")
    return namespace, name, uid, version
