"""What a route kind is to everybody else: how it is watched, and what reads and shifts its weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from informers.kinds import WatchedKind
from informers.resources import Resource
from informers.types import Cache, Writer
from router.types import Router

MakeRouter = Callable[[Cache[Any], Writer, Callable[[], Resource]], Router]
"""Makes an adapter of the cache, of what writes, and of what returns the kind at the version that is served."""


@dataclass(frozen=True, slots=True)
class RouteKind:
    """A kind of object that weights live in. What its views are is between it and its adapter."""

    watched: WatchedKind[Any]
    make: MakeRouter
