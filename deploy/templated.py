"""The deployer of every kind that is promoted by a copy, and scaled by its scale subresource if it has one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deploy.metadata import metadata
from deploy.template import copy_operations, revision_of, template_later, template_of
from deploy.types import FENCE_ANNOTATION, PROMOTED_ANNOTATION, Template, Workload
from informers.errors import ConflictError, InvalidError, ServerError
from informers.fields import HIGHEST_INT32, whole
from informers.resources import Resource
from informers.types import Cache, FieldError, Json, Slim, Unreadable, Writer


def template(obj: Mapping[str, Any], previous: Workload | None) -> Template:
    """Return the template of an object, or of its view before: fingerprints are the dear part.

    Args:
        obj: as the API server sent it.
        previous: the view of the same name before; it is taken over while uid and generation are unmoved.
    """
    work_out = template_later if isinstance(obj, Slim) else template_of
    return taken_over(obj["metadata"], previous) or work_out(obj)


def taken_over(meta: Mapping[str, Any], previous: Workload | None) -> Template | None:
    """Return the template of the view before, if it is still the one of the object with this metadata."""
    if previous is not None and (previous.uid, previous.generation) == (meta["uid"], meta.get("generation")):
        return previous.template
    return None


@dataclass(frozen=True, slots=True)
class Content:
    """What of an object is released: how versions of it are told apart, and how it is copied."""

    revision: Callable[[Json], str]
    copy: Callable[[Json, Json, str, Collection[str]], Sequence[Json]]  # ``deploy.template.copy_operations`` is one


POD_TEMPLATE = Content(lambda obj: revision_of(obj["spec"]["template"]), copy_operations)


@dataclass(frozen=True, slots=True)
class TemplateDeployer:
    """Fulfils ``deploy.types.Deployer``."""

    cache: Cache[Workload]
    writer: Writer
    resource: Callable[[], Resource]
    content: Content = POD_TEMPLATE

    def get(self, namespace: str, name: str) -> Workload | Unreadable | None:
        """Return the workload as the cache has it, or None if it does not exist."""
        return self.cache.get(namespace, name)

    def scale(self, workload: Workload, *, replicas: int) -> None:
        """Set the desired number of pods by the scale subresource; see ``Deployer.scale``."""
        answer = self.writer.merge_patch(
            self.resource(),
            workload.namespace,
            workload.name,
            {"metadata": {"resourceVersion": workload.resource_version}, "spec": {"replicas": replicas}},
            subresource="scale",
        )
        # The answer is a Scale. It has no generation, which our own change has moved by one.
        moved = 1 if replicas != workload.replicas else 0
        amended = replace(
            workload,
            replicas=_replicas(workload, answer),
            resource_version=answer["metadata"]["resourceVersion"],
            generation=workload.generation + moved,
        )
        self.cache.write_through_view(amended)

    def fence(self, workload: Workload) -> None:
        """Note the version that was read in an annotation, which gives the object another; see ``Deployer.fence``."""
        version = workload.resource_version
        metadata = {"resourceVersion": version, "annotations": {FENCE_ANNOTATION: version}}
        answer = self.writer.merge_patch(self.resource(), workload.namespace, workload.name, {"metadata": metadata})
        self.cache.write_through(answer)

    def copy_template(self, source: Workload, target: Workload, *, stamp: str, identity: Collection[str] = ()) -> None:
        """Copy the template and stamp the target; see ``Deployer.copy_template``."""
        source_obj = self._read(source)
        if not self._is_analysed(source, source_obj):
            raise ConflictError(
                f"the template of {self._noun} {source.name}.{source.namespace} is no longer revision "
                f"{source.template.revision}, which was analysed; nothing was copied"
            )
        target_obj = self._read(target)
        if not _is_as_it_was(target, target_obj):
            raise ConflictError(
                f"{self._noun} {target.name}.{target.namespace} changed since it was read; nothing was copied"
            )
        operations = self.content.copy(source_obj, target_obj, stamp, identity)
        answer = self.writer.json_patch(self.resource(), target.namespace, target.name, operations)
        self.cache.write_through(answer)
        if (answer["metadata"].get("annotations") or {}).get(PROMOTED_ANNOTATION) != stamp:
            raise InvalidError(
                f"patch {self.resource().plural} {target.name}: the copy was accepted without annotation "
                f"{PROMOTED_ANNOTATION}: an admission webhook removes it"
            )

    def _read(self, workload: Workload) -> Json:
        """Return the live object, of which everything that is copied is there.

        Raises:
            ServerError: the answer is no such object.
        """
        obj = self.writer.get(self.resource(), workload.namespace, workload.name)
        try:
            metadata(obj)
            self.content.copy(obj, obj, "", ())
        except (FieldError, KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"get {self.resource().plural} {workload.name}"
            raise ServerError(f"{what}: the API server answered what is no {self._noun}: {error!r}") from error
        return obj

    @property
    def _noun(self) -> str:
        return self.resource().kind.lower()

    def _is_analysed(self, view: Workload, obj: Json) -> bool:
        """Whether the live template is the one of the view: by generation, or by revision if only the scale moved."""
        meta = obj["metadata"]
        unmoved = (meta["uid"], meta.get("generation")) == (view.uid, view.generation)
        return unmoved or self.content.revision(obj) == view.template.revision


def _replicas(scaled: Workload, scale: Json) -> int:
    """Return the number of pods that a Scale asks for; it leaves out 0.

    Raises:
        ServerError: it is no Scale, so that nobody knows.
    """
    spec = scale.get("spec")
    what = f"patch scale of {scaled.name}: the API server answered what is no Scale"
    if not isinstance(spec, dict):
        raise ServerError(f"{what}: spec must be an object")
    try:
        return whole(spec, "replicas", "spec.", highest=HIGHEST_INT32)
    except FieldError as error:
        raise ServerError(f"{what}: {error}") from error


def _is_as_it_was(view: Workload, obj: Json) -> bool:
    """Hold against what was decided on. A status may change meanwhile: a busy one would never let a copy through."""
    meta = obj["metadata"]
    fenced = (meta.get("annotations") or {}).get(FENCE_ANNOTATION, "")
    return (meta["uid"], meta.get("generation"), fenced) == (view.uid, view.generation, view.fenced)
