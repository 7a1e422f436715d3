"""What an operator's file may not declare, since it is there already, or is nobody's to declare. Pure.

Informers are found by the name of their kind, and told apart by their plural in metrics and messages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from informers.resources import ApiKind

_OURS = "flagger.app"
_OF_KUBERNETES = ".k8s.io"


@dataclass(frozen=True, slots=True)
class Taken:
    """The names that there are already."""

    kinds: Mapping[str, str]  # that cannot be declared, with the reason as the middle of a sentence
    plurals: Mapping[str, str]  # of which kind each of them is


def refusal(api: ApiKind, before: Iterable[ApiKind], taken: Taken) -> str | None:
    """Return why a kind cannot be declared, as a sentence, or None if it can be.

    Args:
        api: the kind.
        before: those that were declared before it.
        taken: the names that there are already.
    """
    plurals = {**taken.plurals, **{other.plural: other.kind for other in before}}
    why = "stands in the file twice" if any(api.kind == other.kind for other in before) else taken.kinds.get(api.kind)
    if why:
        return f"kind {api.kind} {why}, remove the entry"
    other = plurals.get(api.plural, api.kind)
    if other != api.kind:
        return f"plural {api.plural} is that of kind {other}, and two kinds must not share one, remove the entry"
    if _is_reserved(api.group):
        return f"group {api.group} is one of Kubernetes' own or Flagger's, in which no kind can be declared"
    return None


def _is_reserved(group: str) -> bool:
    """Whether a group is ours or of Kubernetes; the oldest of its groups, such as ``apps``, are one word."""
    return group == _OURS or "." not in group or f".{group}".endswith(_OF_KUBERNETES)
