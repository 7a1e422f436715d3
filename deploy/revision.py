"""Revisions: fingerprints of pod templates. Pure, and fixed: a known template has the same number in every release.

A number that changed between releases would start a rollout of every canary at the upgrade, so a test pins some.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_DIGITS = 15  # readable in `kubectl describe`, and 2**49 of them make two alike templates by chance unthinkable

_EMPTY: tuple[object, ...] = (None, "", [], {})

# Where emptiness says something. An empty selector matches everything while none matches nothing; an empty volume
# source is a source; an annotation or label counts by being there.
_MEANINGFUL_EMPTY_OBJECTS = frozenset({"emptyDir", "labelSelector", "namespaceSelector"})
_MAPS_OF_STRINGS = frozenset({"annotations", "labels", "matchLabels", "nodeSelector"})


def fingerprint(value: object) -> str:
    """Return a decimal number for JSON data, the same for any order of keys and with or without empty values.

    API servers add and drop empty values (``creationTimestamp: null``, ``resources: {}``) from release to release.
    """
    return exact_fingerprint(_pruned(value))


def exact_fingerprint(value: object) -> str:
    """Return a decimal number for JSON data, the same for any order of keys: where emptiness may say something.

    In the values of a Helm chart, null takes a default away and an empty list replaces one.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return str(int.from_bytes(hashlib.sha256(text.encode()).digest()) % 10**_DIGITS)


def _pruned(value: object, *, keep_empty_strings: bool = False) -> object:
    if isinstance(value, Mapping):
        pruned = {key: _pruned(item, keep_empty_strings=key in _MAPS_OF_STRINGS) for key, item in value.items()}
        return {
            key: item for key, item in pruned.items() if not _is_noise(key, item, keep_empty_strings=keep_empty_strings)
        }
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    return value


def _is_noise(key: Any, item: object, *, keep_empty_strings: bool) -> bool:  # noqa: ANN401  # a key of JSON
    if item == "" and keep_empty_strings:
        return False
    if item == {} and key in _MEANINGFUL_EMPTY_OBJECTS:
        return False
    return any(item == empty and type(item) is type(empty) for empty in _EMPTY)
