"""Keys of objects: ``namespace/name``, or ``name`` in cluster scope (contract S1)."""


def key_of(namespace: str, name: str) -> str:
    """Return the key of an object."""
    return f"{namespace}/{name}" if namespace else name


def split_key(key: str) -> tuple[str, str]:
    """Return namespace ("" in cluster scope) and name; ValueError if the key has more parts."""
    parts = key.split("/")
    match parts:
        case [name] if name:
            return "", name
        case [namespace, name] if namespace and name:
            return namespace, name
        case _:
            raise ValueError(f"{key!r} is not a key such as namespace/name")
