"""The vocabulary of deploying: workloads, revisions, and what a deployer can do. Pure.

What a new kind of workload takes is listed in CONTRIBUTING.md.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from deploy.images import Images
from informers.fields import HIGHEST_INT32
from informers.types import Unreadable

PROMOTED_ANNOTATION = "flagger.app/promoted"
"""On the primary's metadata: which rollout was copied here last (``Stamp``), written by the copy itself."""
FENCE_ANNOTATION = "flagger.app/fenced-version"
PROGRESS_DEADLINE = timedelta(minutes=10)  # of what names none, as Kubernetes has it for Deployments


@dataclass(frozen=True, slots=True)
class Template:
    """What is compared of a pod template, without holding it."""

    revision: str  # fingerprint of the template without what parks it, a decimal number (deploy.revision)
    body: str  # fingerprint of pod spec and annotations, but for the values in ``selected``
    labels: tuple[tuple[str, str], ...]  # sorted
    selector: tuple[str, ...]  # sorted label keys of the workload's selector: its identity, never copied
    selected: tuple[tuple[str, str], ...] = ()  # labels that selectors in the pod spec name, in the order of the spec
    images: Images = ()  # for people: nothing is decided by them
    shows_labels: bool = True  # False: the pods' labels are another controller's business, ``labels`` says nothing
    packed: bytes = field(default=b"", compare=False, repr=False)  # see ``of_packed``
    worked_out: "Callable[[bytes], Template] | None" = field(default=None, compare=False, repr=False)

    @classmethod
    def of_packed(
        cls, labels: tuple[tuple[str, str], ...], packed: bytes, worked_out: "Callable[[bytes], Template]"
    ) -> "Template":
        """Return a template whose labels alone are known, and the rest of it once somebody asks.

        At rest nobody does: a canary whose Deployment has the generation that its status names is not looked at more
        closely, and fingerprints take ten times as long as all else of a view.

        Args:
            labels: of the pods, sorted.
            packed: what it is worked out from.
            worked_out: returns the template, whatever was packed.
        """
        template = object.__new__(cls)
        known = {"labels": labels, "shows_labels": True, "packed": packed, "worked_out": worked_out}
        for name, value in known.items():
            object.__setattr__(template, name, value)
        return template

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # a field
        """Work out the fields that are missing, and keep them."""
        if name not in type(self).__slots__ or not self.packed or self.worked_out is None:
            raise AttributeError(name)
        template = self.worked_out(self.packed)
        for missing in ("revision", "body", "selector", "selected", "images"):
            object.__setattr__(self, missing, getattr(template, missing))
        return getattr(self, name)


@dataclass(frozen=True, slots=True)
class Workload:
    """View of a Deployment (or what takes its place): what the gates need."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    generation: int  # of the spec; any change of it adds one
    observed_generation: int  # the generation that the numbers below speak of
    replicas: int  # desired; Kubernetes' default is 1
    current_replicas: int  # status.replicas: pods of all revisions
    updated_replicas: int  # pods of the newest template
    available_replicas: int  # pods that have been ready for long enough
    template: Template
    promoted: str  # value of PROMOTED_ANNOTATION, or ""
    fenced: str = ""  # value of FENCE_ANNOTATION, or ""
    paused: bool = False
    deadline_exceeded: bool = False  # condition Progressing is False for ProgressDeadlineExceeded
    progress_deadline: timedelta = PROGRESS_DEADLINE  # spec.progressDeadlineSeconds
    resumed_at: datetime | None = None  # when it was last unpaused, if nothing has moved since: the deadline runs anew
    failure: str = ""  # why pods cannot be created, e.g. a quota: message of condition ReplicaFailure
    lowest_replicas: int = 0  # of what it can be scaled to; more than 0: it always keeps its pods
    highest_replicas: int = HIGHEST_INT32  # likewise; equal to the lowest: it cannot be scaled
    counts_pods: bool = True  # False: nobody says how many pods there are; the numbers are 1 where it is ready, else 0
    unready: str = ""  # what keeps it from being ready besides numbers, as the end of a sentence: its own conditions
    per_node: bool = False  # a pod on each node that fits, or none at all: no number of them can be asked for

    @property
    def pod_labels(self) -> tuple[tuple[str, str], ...] | None:
        """Labels of its pods, or None where they are not known."""
        return self.template.labels if self.template.shows_labels else None

    @property
    def may_answer(self) -> bool:
        """Whether a request may find a pod of it.

        Where pods are not counted, only what was scaled to 0 has none: a workload that is not ready may have pods that
        serve as before, and traffic must not move to an untested version because nobody knows.
        """
        return self.available_replicas > 0 if self.counts_pods else self.replicas > 0

    def within_bounds(self, replicas: int) -> int:
        """Return the number nearest to this one that it can be scaled to."""
        return min(max(replicas, self.lowest_replicas), self.highest_replicas)

    def wants_fewer_than(self, replicas: int) -> bool:
        """Whether to scale it to this number, which is not 0, would give it more pods than it wants."""
        return not self.replicas if self.per_node else self.replicas < self.within_bounds(replicas)


class Deployer(Protocol):
    """Reads workloads from a cache; scales them; copies a template. Each write has a precondition."""

    def get(self, namespace: str, name: str) -> Workload | Unreadable | None:
        """Return the workload as the cache has it, or None if it does not exist."""

    def scale(self, workload: Workload, *, replicas: int) -> None:
        """Set the desired number of pods, by the scale subresource where there is one, and nothing else.

        A workload with a pod on each node has none for 0, and for any other number one on each node again.

        Raises:
            informers.errors.ConflictError: the workload changed since ``workload`` was read.
            informers.errors.ApiError: whatever else the API server said.
        """

    def fence(self, workload: Workload) -> None:
        """Move the version of a workload, and nothing else: what was decided on an older one is refused from now on.

        Raises:
            informers.errors.ConflictError: the workload changed since ``workload`` was read.
            informers.errors.ApiError: whatever else the API server said.
        """

    def copy_template(self, source: Workload, target: Workload, *, stamp: str, identity: Collection[str] = ()) -> None:
        """Copy pod spec, template annotations and labels from ``source`` to ``target``, and stamp the target.

        The live template of the source is read and must still have ``source.template.revision``. Labels of either
        workload's selector stay what they are on the target, and where the pod spec selects pods by the source's own
        value of such a label, the target gets its own.

        Args:
            source: the analysed canary.
            target: the primary.
            stamp: becomes the target's ``PROMOTED_ANNOTATION``.
            identity: further label keys that stay: those that either side's Service selects by.

        Raises:
            informers.errors.ConflictError: source or target changed since they were read.
            informers.errors.ApiError: whatever else the API server said.
        """
