"""Lists canary objects and their parts, each kind once, and gathers worlds as the controller does.

What is not allowed is not tried, so that a check leaves no denied requests in the audit log.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from controller.check.answers import told
from controller.check.facts import Access, Objects, Unknown, Unlisted
from controller.core.canary import Canary, InvalidSpec
from controller.core.world import NOTHING_REMEMBERED, World, seniority
from controller.gather import OVERLAP_INDEX, Gatherer, kinds_of, make_adapters, overlap_keys
from controller.kinds import Kinds
from informers.client import KubeClient
from informers.errors import ExpiredError, KindNotServedError, NotFoundError
from informers.kinds import WatchedKind
from informers.kube_source import KubeSource
from informers.reflector import PAGE
from informers.resources import ApiKind, Resource
from informers.stop import Stop
from informers.store import Store
from informers.types import IdentityError, Json, Unreadable, View
from metrics.metric_template import METRIC_TEMPLATES
from router.services import SERVICES, backend

V = TypeVar("V", bound=View)


class ObjectAsker:
    """Lists into stores, which are caches without a watch."""

    def __init__(
        self,
        client: KubeClient,
        kinds: Kinds,
        versions: Mapping[str, Callable[[], Resource]],
        access: Sequence[Access],
        namespaces: Sequence[str],
        servers: Collection[str],
    ) -> None:
        """Take whom to ask, and what.

        Args:
            client: of the API server.
            kinds: that there are.
            versions: by kind, what finds the served version.
            access: what is known to be allowed.
            namespaces: to look into; "" for all.
            servers: addresses that templates may name.
        """
        self._client = client
        self._kinds = kinds
        self._versions = versions
        self._denied = {
            (a.permission.resource, a.namespace) for a in access if a.permission.verb == "list" and a.allowed is False
        }
        self._namespaces = namespaces
        self._servers = servers
        self._unlisted: list[Unlisted] = []
        self.named: frozenset[str] = frozenset()  # the kinds that canaries name, once they were listed

    def ask(self, now: Callable[[], datetime], default_interval: timedelta) -> Objects:
        """Return every canary object with its world."""
        own = self._kinds.canary
        canaries = Store(
            own.view,
            indexes={OVERLAP_INDEX: overlap_keys},
            orders={OVERLAP_INDEX: seniority},
            listener=lambda _change: None,
        )
        self._list(canaries, own)
        found: list[Canary | Unreadable] = []
        canaries.snapshot(lambda objects: found.extend(objects[key] for key in sorted(objects)))
        self.named = frozenset(kind for canary in found for kind in _kinds(canary))
        caches = {name: self._listed(kind) for name, kind in self._kinds.parts.items()}
        adapters = make_adapters(self._kinds, caches, self._client, self._versions.__getitem__)
        gatherer = Gatherer(
            canaries,
            partial(backend, caches[SERVICES.kind]),
            adapters,
            now,
            default_interval,
            caches[METRIC_TEMPLATES.kind],
            self._servers,
        )
        looks: list[World | Unreadable] = [
            canary if isinstance(canary, Unreadable) else gatherer.gather(canary, NOTHING_REMEMBERED)
            for canary in found
        ]
        return Objects(tuple(looks), tuple(self._unlisted))

    def _listed(self, kind: WatchedKind[V]) -> Store[V]:
        store: Store[V] = Store(kind.view, indexes={}, listener=lambda _change: None)
        if not kind.optional or kind.api.kind in self.named:
            self._list(store, kind)
        return store

    def _list(self, store: Store[V], kind: WatchedKind[V]) -> None:
        for namespace in self._namespaces:
            why = self._fill(store, kind.api, namespace)
            if why is not None:
                self._unlisted.append(Unlisted(kind.api.kind, kind.api.plural, namespace, why))

    def _fill(self, store: Store[V], kind: ApiKind, namespace: str) -> str | None:
        """List into a store; return why that was not possible ("" if it is known anyway), or None."""
        if (kind.plural, namespace) in self._denied:
            return ""
        version = self._versions[kind.kind]
        source = KubeSource(self._client, version, kind=kind.kind, plural=kind.plural, namespace=namespace)
        try:
            answer = told(partial(_list_all, source, partial(_put, store)))
        except KindNotServedError:
            return ""
        except NotFoundError as error:
            return str(error)
        return answer.why if isinstance(answer, Unknown) else None


def _kinds(canary: Canary | Unreadable) -> tuple[str, ...]:
    if isinstance(canary, Unreadable) or isinstance(canary.spec, InvalidSpec):
        return ()
    return kinds_of(canary.spec)


def _list_all(source: KubeSource, take: Callable[[Json], None]) -> None:
    """Read page by page; all at once if the pages have expired in between, as the reflector does."""
    stop = Stop()
    token = ""
    try:
        while True:
            page = source.list(resource_version="", limit=PAGE, continue_token=token, take=take, stop=stop)
            token = page.continue_token
            if not token:
                return
    except ExpiredError:
        source.list(resource_version="", limit=0, continue_token="", take=take, stop=stop)


def _put(store: Store[V], obj: Json) -> None:
    with suppress(IdentityError):
        store.put(store.view(obj))
