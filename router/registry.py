"""Which routers there are. A new router is one adapter and one line here."""

from collections.abc import Callable, Mapping

from informers.resources import Resource
from informers.types import Cache, Writer
from router.istio import IstioRouter
from router.types import Router, Service
from router.virtualservice import VirtualServiceView

ROUTERS: Mapping[str, Callable[[Cache[VirtualServiceView], Cache[Service], Writer, Callable[[], Resource]], Router]] = {
    "istio": IstioRouter,
}
