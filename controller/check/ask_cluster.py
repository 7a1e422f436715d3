"""Asks the API server what it is, who we are, what it serves and what we may do. Reviews are answered, not stored."""

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from controller.check.answers import told
from controller.check.ask_leader import ask_leader
from controller.check.ask_objects import ObjectAsker
from controller.check.facts import Access, Api, NoApi, NotServed, Permission, Served, Unknown, Version
from controller.check.judge_cluster import ANONYMOUS
from controller.check.permissions import NEEDED, NEEDED_TO_LEAD, for_dry_run, optional
from controller.check.schema import missing_fields
from controller.kinds import CANARY, Kinds
from controller.parts import served_version
from controller.resources import CANARIES
from informers.client import KubeClient
from informers.discovery import ServedVersion
from informers.errors import ApiError, ForbiddenError, KindNotServedError, NotFoundError, UnauthorizedError
from informers.kinds import WatchedKind
from informers.namespaces import NAMESPACES
from informers.resources import Resource

_ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview")
_USER_REVIEWS = Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview")
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class Question:
    """What of the command line decides what is asked."""

    namespaces: tuple[str, ...]  # empty: all
    lease_namespace: str | None  # None: leads without asking
    dry_run: bool
    default_interval: timedelta
    kinds: Kinds
    metrics_servers: Collection[str]  # addresses that templates may name

    @property
    def scopes(self) -> tuple[str, ...]:
        """The namespaces to look at; "" stands for all."""
        return self.namespaces or ("",)

    @property
    def permissions(self) -> Iterator[tuple[Permission, str, str]]:
        """What the controller needs, in which namespace, and for which kind if only canaries of that one need it."""
        for namespace in self.scopes:
            yield from ((permission, namespace, "") for permission in self._needed(NEEDED))
        for kind, needed in optional(self.kinds).items():
            for namespace in self.scopes:
                yield from ((permission, namespace, kind) for permission in self._needed(needed))
        if self.lease_namespace is not None:
            yield from ((permission, self.lease_namespace, "") for permission in NEEDED_TO_LEAD)

    def _needed(self, permissions: tuple[Permission, ...]) -> tuple[Permission, ...]:
        return for_dry_run(permissions) if self.dry_run else permissions


def ask_cluster(client: KubeClient, question: Question, now: Callable[[], datetime]) -> Api | NoApi:
    """Return what the API server answers; ``NoApi`` as soon as it does not, for it would not the next time either."""
    try:
        return _Asker(client, question.kinds).ask(question, now)
    except UnauthorizedError as error:
        return NoApi(str(error), refused=True)
    except ApiError as error:
        return NoApi(str(error), refused=False)


class _Asker:
    def __init__(self, client: KubeClient, kinds: Kinds) -> None:
        self._client = client
        self._versions = {name: served_version(client, kind) for name, kind in kinds.parts.items()}

    def ask(self, question: Question, now: Callable[[], datetime]) -> Api:
        version, user = self._version(), self._user()
        asked = {CANARIES.kind: ServedVersion(self._client, CANARY.api)}
        asked |= {name: version for name, version in self._versions.items() if isinstance(version, ServedVersion)}
        access = tuple(self._access(question))
        versions: dict[str, Callable[[], Resource]] = {**self._versions, **asked}
        asker = ObjectAsker(self._client, question.kinds, versions, access, question.scopes, question.metrics_servers)
        objects = asker.ask(now, question.default_interval)
        unnamed = optional(question.kinds).keys() - asker.named
        table = {CANARIES.kind: question.kinds.canary, **question.kinds.parts}
        kinds = {name: _served(version, table[name]) for name, version in asked.items() if name not in unnamed}
        return Api(
            version=version,
            user=user,
            missing_namespaces=tuple(name for name in question.namespaces if self._is_missing(name)),
            kinds=kinds,
            missing_fields=self._missing_fields() if isinstance(kinds[CANARIES.kind], Served) else (),
            access=tuple(a for a in access if a.kind not in unnamed),
            objects=objects,
            leader=ask_leader(self._client, question.lease_namespace, access, now()),
            declared=frozenset(kind for kind, watched in question.kinds.parts.items() if watched.declared),
        )

    def _version(self) -> Version | Unknown:
        """Ask for the version. What answers with an error other than 403 is no API server, or none that works."""
        try:
            said = self._client.get_path("/version")
        except ForbiddenError as error:
            return Unknown(str(error))
        major, minor = (_DIGITS.match(str(said.get(part))) for part in ("major", "minor"))  # "25+" in some clouds
        if not (major and minor):
            return Unknown(f"{self._client.host}/version is {said!r}")
        return Version(int(major[0]), int(minor[0]), str(said.get("gitVersion")))

    def _user(self) -> str | Unknown:
        review = self._review(_USER_REVIEWS, {})
        if isinstance(review, Unknown):
            return ANONYMOUS if ANONYMOUS in review.why else review
        return str((review.get("userInfo") or {}).get("username"))

    def _review(self, resource: Resource, body: dict[str, Any]) -> dict[str, Any] | Unknown:
        """Return the status of a review."""
        review = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        try:
            answer = told(lambda: self._client.create(resource, "", review))
        except NotFoundError:
            return Unknown(f"the API server does not serve {resource.kind}")
        return answer if isinstance(answer, Unknown) else answer.get("status") or {}

    def _access(self, question: Question) -> Iterator[Access]:
        for permission, namespace, kind in question.permissions:
            allowed = self._may(permission, namespace)
            yield Access(permission, namespace, allowed, kind)
            if isinstance(allowed, Unknown):
                return  # nor would it say the next time

    def _may(self, permission: Permission, namespace: str) -> bool | Unknown:
        plural, _, subresource = permission.resource.partition("/")
        attributes = {
            "namespace": namespace,
            "verb": permission.verb,
            "group": permission.group,
            "resource": plural,
            "subresource": subresource,
            "name": permission.name,
        }
        status = self._review(_ACCESS_REVIEWS, {"spec": {"resourceAttributes": attributes}})
        return status if isinstance(status, Unknown) else status.get("allowed") is True

    def _is_missing(self, namespace: str) -> bool:
        """Whether a namespace does not exist, as far as we may know. The controller itself needs no such right."""
        if self._may(Permission("get", "", "namespaces", namespace), namespace) is not True:
            return False
        try:
            self._client.get(NAMESPACES, "", namespace)
        except NotFoundError:
            return True
        return False

    def _missing_fields(self) -> tuple[str, ...]:
        with suppress(NotFoundError):
            openapi = told(lambda: self._client.get_path(f"/openapi/v3/apis/{CANARIES.api_version}"))
            return () if isinstance(openapi, Unknown) else missing_fields(openapi)
        return ()


def _served(version: ServedVersion, kind: WatchedKind[Any]) -> Served | NotServed | Unknown:
    try:
        found = told(version)
    except KindNotServedError as error:
        return NotServed(str(error), kind.how_to_install)
    return found if isinstance(found, Unknown) else Served(found.api_version)
