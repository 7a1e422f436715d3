"""Which version a workload runs, as people say it: the tags of its images. Pure.

A revision tells any two templates apart, and tells a person nothing. What a release changed is nearly always the tag of
an image, so that is what status, columns, events and metrics name beside it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from informers.interned import interned

Images = tuple[tuple[str, str], ...]
"""Name of a container and its image, in the order of the spec; init containers come last."""

ARROW = " → "
_MOST_NAMED = 3  # containers
_LONGEST = 120  # characters: a column, and the value of a label
_DIGEST_DIGITS = 12  # as container engines shorten one
_DEEPEST = 6  # levels of a chart's values: the usual ones are at two or three


def images_of(pod_spec: Any) -> Images:  # noqa: ANN401  # JSON
    """Return the images of a pod spec; what is not well formed is left out."""
    if not isinstance(pod_spec, Mapping):
        return ()
    return tuple(
        (interned(container["name"]), interned(container["image"]))
        for field in ("containers", "initContainers")
        for container in _list(pod_spec.get(field))
        if isinstance(container.get("name"), str) and isinstance(container.get("image"), str)
    )


def images_in(fields: Mapping[str, Any]) -> Images:
    """Return the images that the released fields of a custom resource name, by the conventions of charts.

    ``image: repository:tag``; ``image`` with ``repository`` and ``tag``; and ``chart`` beside its ``version``.
    """
    return tuple(found for path, value in fields.items() for found in _images_at(path.rpartition(".")[2], value, 0))


def version(primary: Images, canary: Images) -> str:
    """Return what differs: ``1.4.0 → 1.5.0``, each with its container if there are several; else the one version.

    A side that is not known is ``()``. Never longer than 120 characters.
    """
    before, after = dict(primary), dict(canary)
    names = list(after or before)
    changed = [name for name in names if before and after and before.get(name) != after[name]]
    shown = changed or names
    several = len(names) > 1
    texts = [
        f"{name} {text}" if several else text
        for name, text in ((n, _change(before.get(n, ""), after.get(n, ""))) for n in shown[:_MOST_NAMED])
    ]
    more = f" and {len(shown) - _MOST_NAMED} more" if len(shown) > _MOST_NAMED else ""
    return _cut(", ".join(texts), _LONGEST - len(more)) + more


def _change(before: str, after: str) -> str:
    """Return the tags of two images, or of one if they are the same or the other is not known."""
    if not before or not after or before == after:
        return _tag(after or before)
    for name in (_tag, _tag_and_digest, _last_part):
        if name(before) != name(after):
            return name(before) + ARROW + name(after)
    return before + ARROW + after


def _tag(image: str) -> str:
    repository, _, digest = image.partition("@")
    tag = _last(repository).partition(":")[2]
    return tag or _short(digest) or "latest"


def _tag_and_digest(image: str) -> str:
    repository, _, digest = image.partition("@")
    tag = _last(repository).partition(":")[2]
    return f"{tag}@{_short(digest)}" if tag and digest else _tag(image)


def _last_part(image: str) -> str:
    repository, _, digest = image.partition("@")
    return f"{_last(repository)}@{_short(digest)}" if digest else _last(repository)


def _last(repository: str) -> str:
    """Return the name and tag of an image, without registry and path: a registry may have a port."""
    return repository.rpartition("/")[2]


def _short(digest: str) -> str:
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm}:{digits[:_DIGEST_DIGITS]}" if digits else digest[:_DIGEST_DIGITS]


def _images_at(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # JSON
    if name == "image" and isinstance(value, str) and value:
        yield name, value
    if not isinstance(value, Mapping) or depth > _DEEPEST:
        return
    chart, of_chart = value.get("chart"), value.get("version")
    if isinstance(chart, str) and isinstance(of_chart, str):
        yield "chart", f"{_last(chart)}:{of_chart}"
    if name == "image":
        tag = value.get("tag")
        if isinstance(tag, str | int | float):
            yield name, f"{value.get('repository', '')}:{tag}"
        return
    for key, inner in value.items():
        for found, image in _images_at(str(key), inner, depth + 1):
            yield (name if found == "image" and depth else found), image


def _list(value: Any) -> Sequence[Mapping[str, Any]]:  # noqa: ANN401  # JSON
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
