"""A workload kind that is declared, not coded: what of it is released, what never is, and how it is told ready. Pure.

Values of this type come from an operator's file (``deploy.declarations``), or stand beside the kind that they are
about (``deploy.flux``, ``deploy.openfaas``). What is made of one is in ``deploy.declared``.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import assert_never

from deploy.paths import Path
from deploy.types import PROGRESS_DEADLINE
from informers.resources import ApiKind


@dataclass(frozen=True, slots=True)
class Fixed:
    """It cannot be scaled: a canary keeps its pods, without traffic, between two rollouts."""


@dataclass(frozen=True, slots=True)
class ByReplicas:
    """It is scaled by its scale subresource."""

    path: Path  # where the desired number stands


@dataclass(frozen=True, slots=True)
class BySwitch:
    """It has pods or none, by a field that is true or false."""

    path: Path  # true: it has no pods


Scaling = Fixed | ByReplicas | BySwitch


@dataclass(frozen=True, slots=True)
class PodTemplate:
    """A pod template somewhere in the object."""

    path: Path
    selector: Path | None = None  # of the label selector whose keys are identity, as ``spec.selector`` of a Deployment


@dataclass(frozen=True, slots=True)
class Counts:
    """Where the status counts pods; None where it does not."""

    current: Path | None = None
    updated: Path | None = None
    available: Path | None = None


@dataclass(frozen=True, slots=True)
class Declaration:
    """One kind. At least one of ``fields`` and ``pod_template`` says what is released."""

    api: ApiKind
    fields: tuple[Path, ...] = ()  # that make the revision and are copied
    pod_template: PodTemplate | None = None  # likewise, but for the labels that tell the sides apart
    identity: tuple[Path, ...] = ()  # below one of ``fields``: never copied, and no part of the revision
    scaling: Scaling = field(default=Fixed())
    paused: Path | None = None  # of a field that is true while nobody carries out changes
    conditions: tuple[str, ...] = ()  # that must be there and True; (): Ready, where it is shown
    counts: Counts = field(default=Counts())
    progress_deadline: timedelta = PROGRESS_DEADLINE

    @property
    def own(self) -> tuple[Path, ...]:
        """What each side keeps as its own: what is declared so, and what scales and pauses."""
        match self.scaling:
            case ByReplicas(path) | BySwitch(path):
                scaling: Path | None = path
            case Fixed():
                scaling = None
            case _:
                assert_never(self.scaling)
        return (*self.identity, *(path for path in (scaling, self.paused) if path is not None))

    def own_below(self, path: Path) -> tuple[Path, ...]:
        """Return those of ``own`` that stand below a field, from there on."""
        return tuple(own[len(path) :] for own in self.own if len(own) > len(path) and own[: len(path)] == path)
