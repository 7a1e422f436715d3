"""What a declared kind is to everybody else: its view, its deployer and its permissions, made from the declaration.

Reading and copying are pure; the deployer is that of pod templates, with other content and, for kinds that are parked
by a switch, another way to scale.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, assert_never

from deploy.declaration import ByReplicas, BySwitch, Declaration, Fixed, PodTemplate
from deploy.images import images_in
from deploy.kinds import MakeDeployer, WorkloadKind
from deploy.kstatus import health
from deploy.metadata import metadata
from deploy.paths import Path, at, keeping, pointer, put, set_operations, shown, without
from deploy.revision import exact_fingerprint
from deploy.template import copy_operations, stamp_operation, template_of
from deploy.templated import Content, TemplateDeployer, taken_over
from deploy.types import Template, Workload
from informers.fields import HIGHEST_INT32, whole
from informers.kinds import READ, WatchedKind
from informers.types import FieldError, Json


def declared_kind(declaration: Declaration, *, grant: str = "") -> WorkloadKind:
    """Return the kind that a declaration is about.

    Args:
        declaration: what is to be known of it.
        grant: the value of the chart, below ``kinds``, that grants its permissions; "" for one of an operator's file.
    """
    scaled = isinstance(declaration.scaling, ByReplicas)
    verbs = {"": ("get", *READ, "patch"), **({"scale": ("patch",)} if scaled else {})}
    watched = WatchedKind(declaration.api, partial(view, declaration), verbs, grant=grant, declared=not grant)
    return WorkloadKind(watched, _deployer(declaration))


def view(declared: Declaration, obj: Mapping[str, Any], previous: Workload | None) -> Workload:
    """Return the cached view of an object of a declared kind.

    Args:
        declared: what is known of its kind.
        obj: as the API server sent it.
        previous: the view of the same name before, whose fingerprints are taken over while nothing has moved.

    Raises:
        FieldError: a field is not what it must be.
        KeyError, TypeError, ValueError: the object has no identity.
    """
    common = metadata(obj)
    found = health(obj, declared.conditions)
    replicas = _replicas(declared, obj)
    lowest, highest = _bounds(declared, replicas)
    counted = declared.counts.available is not None
    why = found.unready or ("" if counted or "deletionTimestamp" not in obj["metadata"] else "it is being deleted")
    ready = replicas if not why and found.observed_generation >= common["generation"] else 0
    current = _count(obj, declared.counts.current, replicas)
    available = _count(obj, declared.counts.available, ready)
    return Workload(
        **common,
        observed_generation=found.observed_generation,
        replicas=replicas,
        current_replicas=current,
        updated_replicas=_count(obj, declared.counts.updated, current),
        available_replicas=available,
        paused=declared.paused is not None and _is_on(obj, declared.paused),
        deadline_exceeded=found.stalled,
        progress_deadline=declared.progress_deadline,
        failure=why,
        template=taken_over(obj["metadata"], previous) or content_of(declared, obj),
        lowest_replicas=lowest,
        highest_replicas=highest,
        counts_pods=counted,
        unready=why,
    )


def content_of(declared: Declaration, obj: Mapping[str, Any]) -> Template:
    """Return what is compared of an object.

    Raises:
        FieldError: a path leads through something that is no object, or there is no pod template where one must be.
        KeyError, TypeError: the pod template is not one.
    """
    for path in declared.own:
        at(obj, path)  # so that what is in the way is named from the root on
    fields = {shown(path): without(at(obj, path), declared.own_below(path)) for path in declared.fields}
    if declared.pod_template is None:
        revision = exact_fingerprint(fields)
        return Template(revision, revision, labels=(), selector=(), images=images_in(fields), shows_labels=False)
    pods = template_of(_as_deployment(declared.pod_template, obj))
    return Template(
        revision=exact_fingerprint([pods.revision, fields]),
        body=exact_fingerprint([pods.body, fields]),
        labels=pods.labels,
        selector=pods.selector,
        selected=pods.selected,
        images=pods.images,
    )


def content_operations(
    declared: Declaration, source: Json, target: Json, stamp: str, identity: Collection[str] = ()
) -> Sequence[Json]:
    """Return the JSON patch that copies what is released from one object to another, and stamps it.

    The test makes it fail if anything of the target has changed since it was read. Fields that are the same already
    are left alone.
    """
    operations = [{"op": "test", "path": "/metadata/resourceVersion", "value": target["metadata"]["resourceVersion"]}]
    changed = target
    for path in declared.fields:
        old, own = at(changed, path), declared.own_below(path)
        new = keeping(at(source, path), own, old)
        if new is None and at(source, path) is not None:
            new = {}  # all that the source has there is its own; an object without a spec may be none
        if without(new, own) != without(old, own):
            operations += set_operations(changed, path, new)
            changed = put(changed, path, new)
    if declared.pod_template is not None:
        operations += _template_operations(declared.pod_template, source, target, stamp, identity)
    return (*operations, stamp_operation(target, stamp))


@dataclass(frozen=True, slots=True)
class SwitchedDeployer(TemplateDeployer):
    """The deployer of a kind that has pods or none, by a field that is true while it has none."""

    parked: Path = ()

    def scale(self, workload: Workload, *, replicas: int) -> None:
        """Turn the switch: 0 parks the workload; see ``Deployer.scale``."""
        patch = put({"metadata": {"resourceVersion": workload.resource_version}}, self.parked, not replicas)
        answer = self.writer.merge_patch(self.resource(), workload.namespace, workload.name, patch)
        self.cache.write_through(answer)


def _deployer(declared: Declaration) -> MakeDeployer:
    content = Content(lambda obj: content_of(declared, obj).revision, partial(content_operations, declared))
    if isinstance(declared.scaling, BySwitch):
        return partial(SwitchedDeployer, content=content, parked=declared.scaling.path)
    return partial(TemplateDeployer, content=content)


def _bounds(declared: Declaration, replicas: int) -> tuple[int, int]:
    match declared.scaling:
        case Fixed():
            return replicas, replicas  # how many there are is not for us to say
        case BySwitch():
            return 0, 1
        case ByReplicas():
            return 0, HIGHEST_INT32
        case _:
            assert_never(declared.scaling)


def _replicas(declared: Declaration, obj: Mapping[str, Any]) -> int:
    """Return how many pods are wanted; where no field says so, those that there are, or 1 if nobody counts them."""
    scaling = declared.scaling
    if isinstance(scaling, ByReplicas):
        return _whole(obj, scaling.path, default=1)
    parked = isinstance(scaling, BySwitch) and _is_on(obj, scaling.path)
    return 0 if parked else max(_count(obj, declared.counts.current, 1), 1)


def _count(obj: Mapping[str, Any], path: Path | None, default: int) -> int:
    return default if path is None else _whole(obj, path, default=0)


def _whole(obj: Mapping[str, Any], path: Path, *, default: int) -> int:
    where = shown(path[:-1]) + "."
    return whole({path[-1]: at(obj, path)}, path[-1], where, default=default, highest=HIGHEST_INT32)


def _is_on(obj: Mapping[str, Any], path: Path) -> bool:
    found = at(obj, path)
    if found is not None and not isinstance(found, bool):
        raise FieldError(f"{shown(path)} must be true or false, not {found!r:.80}")
    return bool(found)


def _as_deployment(template: PodTemplate, obj: Mapping[str, Any]) -> Json:
    """Return an object with its pod template and its selector where a Deployment has them."""
    found = at(obj, template.path)
    if not isinstance(found, Mapping):
        raise FieldError(f"{shown(template.path)} must be a pod template")
    selector = at(obj, template.selector) if template.selector else None
    return {"metadata": obj["metadata"], "spec": {"template": found, "selector": selector or {}}}


def _template_operations(
    template: PodTemplate, source: Json, target: Json, stamp: str, identity: Collection[str]
) -> Sequence[Json]:
    """Return what copies a pod template, without the test and the stamp, which are the whole patch's."""
    pair = (_as_deployment(template, source), _as_deployment(template, target))
    _, *copies, _ = copy_operations(*pair, stamp, identity)
    where = pointer(template.path)
    return [{**copied, "path": where + copied["path"].removeprefix("/spec/template")} for copied in copies]
