"""Declarations of kinds as an operator writes them: from what a YAML file holds to values. Pure.

Every mistake is one sentence: which entry, which field, what is wrong with it and what would be right.
"""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from deploy.declaration import (
    ByReplicas,
    BySwitch,
    Counts,
    Declaration,
    Fixed,
    PodTemplate,
    Scaling,
)
from deploy.paths import Path, parse_path, shown
from deploy.taken import Taken, refusal
from deploy.types import PROGRESS_DEADLINE
from informers.fields import HIGHEST_INT32
from informers.resources import ApiKind

_KEYS = (
    *("group", "versions", "plural", "kind", "fields", "podTemplate", "selector", "identity", "scale", "paused"),
    *("conditions", "counts", "progressDeadlineSeconds"),
)
_COUNTS = ("current", "updated", "available")
_SCALES = ("replicas", "switch")
_LABEL = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_GROUP = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_VERSION = re.compile("v[0-9]+((alpha|beta)[0-9]+)?")
_PLURAL = re.compile("[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_KIND = re.compile("[A-Z][A-Za-z0-9]{0,62}")
_CONDITION = re.compile("[A-Za-z]([-A-Za-z0-9_.]*[A-Za-z0-9])?")

Json = Mapping[str, Any]


class DeclarationError(ValueError):
    """A declaration is wrong; the message says which entry, which field, and what would be right."""


def parse_declarations(data: object, taken: Taken) -> tuple[Declaration, ...]:
    """Return the declarations of a file.

    Args:
        data: what the file holds.
        taken: what is there already and cannot be declared.

    Raises:
        DeclarationError: something is wrong.
    """
    if not isinstance(data, list):
        raise DeclarationError(f"it must hold a list of kinds, each with {', '.join(_KEYS[:4])} and fields")
    found: list[Declaration] = []
    for number, entry in enumerate(data, start=1):
        declaration = _Entry(number, entry).declaration()
        why = refusal(declaration.api, [other.api for other in found], taken)
        if why:
            raise DeclarationError(f"entry {number} ({declaration.api.kind}): {why}")
        found.append(declaration)
    return tuple(found)


class _Entry:
    """One entry of the file, and how its mistakes are told."""

    def __init__(self, number: int, entry: object) -> None:
        if not isinstance(entry, Mapping):
            raise DeclarationError(f"entry {number} must be an object with {', '.join(_KEYS[:4])} and fields")
        self._entry: Json = entry
        kind = entry.get("kind")
        self._name = f"entry {number} ({kind})" if isinstance(kind, str) else f"entry {number}"

    def declaration(self) -> Declaration:
        """Return the value."""
        self._refuse_unknown(self._entry, _KEYS, "")
        api = ApiKind(
            group=self._word("group", _GROUP, "an API group such as example.com"),
            versions=self._words("versions", _VERSION, "versions such as [v1, v1beta1], newest first"),
            plural=self._word("plural", _PLURAL, "the plural in lower case, such as widgets"),
            kind=self._word("kind", _KIND, "a kind in CamelCase, such as Widget"),
        )
        declaration = Declaration(
            api=api,
            fields=self._paths("fields"),
            pod_template=self._pod_template(),
            identity=self._paths("identity"),
            scaling=self._scaling(),
            paused=self._path("paused", self._entry.get("paused")),
            conditions=self._conditions(),
            counts=self._counts(),
            progress_deadline=self._deadline(),
        )
        self._refuse_what_cannot_work(declaration)
        return declaration

    def _refuse_what_cannot_work(self, declaration: Declaration) -> None:
        copied = [*declaration.fields, *([declaration.pod_template.path] if declaration.pod_template else [])]
        if not copied:
            raise self._wrong(
                "fields", "must name at least one field, or podTemplate must: what is a new version of it?"
            )
        for one, other in _pairs(copied):
            if one == other[: len(one)]:
                raise self._wrong(
                    "fields", f"names {shown(other)} twice, since {shown(one)} holds it; keep one of them"
                )
        self._refuse_what_is_kept(declaration, copied)
        self._refuse_scaling_that_cannot_work(declaration)

    def _refuse_what_is_kept(self, declaration: Declaration, copied: Sequence[Path]) -> None:
        for own in declaration.own:
            kept = next((path for path in copied if own == path[: len(own)]), None)
            if kept is not None:
                name = _role(declaration, own)
                raise self._wrong(
                    name, f"{shown(own)} would keep {shown(kept)} from being copied, take one of them out"
                )
        for own in declaration.identity:
            if not any(own[: len(path)] == path for path in declaration.fields):
                raise self._wrong("identity", f"{shown(own)} is not below one of fields, so it is not copied anyway")

    def _refuse_scaling_that_cannot_work(self, declaration: Declaration) -> None:
        if isinstance(declaration.scaling, Fixed):
            return
        if declaration.counts.available is None:
            raise self._wrong("scale", "needs counts.available, so that the canary gets no traffic before it has a pod")
        own, paused = declaration.scaling.path, declaration.paused
        if paused is not None and paused[: len(own)] == own[: len(paused)]:
            raise self._wrong("paused", f"{shown(paused)} is what scale names too, name two fields")

    def _pod_template(self) -> PodTemplate | None:
        template = self._path("podTemplate", self._entry.get("podTemplate"))
        selector = self._path("selector", self._entry.get("selector"))
        if template is None:
            if selector is not None:
                raise self._wrong("selector", "requires podTemplate")
            return None
        return PodTemplate(template, selector)

    def _scaling(self) -> Scaling:
        scale = self._entry.get("scale")
        if scale is None:
            return Fixed()
        if not isinstance(scale, Mapping) or len(scale) != 1 or not set(scale) <= set(_SCALES):
            raise self._wrong(
                "scale", "must be {replicas: PATH} or {switch: PATH}; leave it out for what cannot be scaled"
            )
        ((how, text),) = scale.items()
        path = self._path(f"scale.{how}", text)
        if path is None:
            raise self._wrong(f"scale.{how}", "must be a path, such as spec.replicas")
        return ByReplicas(path) if how == "replicas" else BySwitch(path)

    def _counts(self) -> Counts:
        counts = self._entry.get("counts")
        if counts is None:
            return Counts()
        if not isinstance(counts, Mapping):
            raise self._wrong("counts", f"must be an object with {', '.join(_COUNTS)}")
        self._refuse_unknown(counts, _COUNTS, "counts.")
        paths = {name: self._path(f"counts.{name}", counts.get(name), root="status") for name in _COUNTS}
        return Counts(**paths)

    def _conditions(self) -> tuple[str, ...]:
        return self._words("conditions", _CONDITION, "types of conditions, such as [Ready]", required=False)

    def _deadline(self) -> timedelta:
        name = "progressDeadlineSeconds"
        seconds = self._entry.get(name)
        if seconds is None:
            return PROGRESS_DEADLINE
        if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= HIGHEST_INT32:
            raise self._wrong(name, f"must be a whole number of at least 1, not {seconds!r:.80}")
        return timedelta(seconds=seconds)

    def _paths(self, name: str) -> tuple[Path, ...]:
        texts = self._entry.get(name)
        if texts is None:
            return ()
        if not isinstance(texts, list):
            raise self._wrong(name, f"must be a list of paths, such as [spec.image], not {texts!r:.80}")
        paths = (self._path(f"{name}[{index}]", text) for index, text in enumerate(texts))
        return tuple(path for path in paths if path is not None)

    def _path(self, name: str, text: object, *, root: str = "spec") -> Path | None:
        if text is None:
            return None
        right = f"must be a path below {root}, such as {root}.{'image' if root == 'spec' else 'availableReplicas'}"
        if not isinstance(text, str):
            raise self._wrong(name, f"{right}, not {text!r:.80}")
        try:
            path = parse_path(text)
        except ValueError as error:
            raise self._wrong(name, f"{right}: {error}") from error
        whole = name.startswith("fields")  # the whole spec may be what is released, with identity left out
        if path[0] != root or (len(path) == 1 and not whole):
            raise self._wrong(name, f"{right}, not {text!r:.80}")
        return path

    def _word(self, name: str, pattern: re.Pattern[str], right: str) -> str:
        word = self._entry.get(name)
        if not isinstance(word, str) or not pattern.fullmatch(word):
            raise self._wrong(name, f"must be {right}, not {word!r:.80}")
        return word

    def _words(self, name: str, pattern: re.Pattern[str], right: str, *, required: bool = True) -> tuple[str, ...]:
        words = self._entry.get(name)
        if words is None and not required:
            return ()
        right_words = isinstance(words, list) and all(
            isinstance(word, str) and pattern.fullmatch(word) for word in words
        )
        if not isinstance(words, list) or not words or not right_words:
            raise self._wrong(name, f"must be a list of {right}, not {words!r:.80}")
        return tuple(words)

    def _refuse_unknown(self, obj: Json, known: Sequence[str], where: str) -> None:
        for key in obj:
            if key not in known:
                meant = difflib.get_close_matches(str(key), known, n=1)
                hint = f", did you mean {meant[0]}?" if meant else f", use {', '.join(known)}"
                raise self._wrong(f"{where}{key}", f"is not known{hint}")

    def _wrong(self, name: str, what: str) -> DeclarationError:
        return DeclarationError(f"{self._name}: {name} {what}")


def _pairs(paths: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield every two of them, the shorter first."""
    ordered = sorted(paths, key=len)
    return ((one, other) for index, one in enumerate(ordered) for other in ordered[index + 1 :])


def _role(declaration: Declaration, own: Path) -> str:
    """Return as what a path was declared that each side keeps."""
    if own in declaration.identity:
        return "identity"
    return "paused" if own == declaration.paused else "scale"
