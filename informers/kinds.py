"""What is to be known of a kind that is watched: where it is served, how it is seen, and which rights it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic

from informers.resources import ApiKind
from informers.shapes import Shape
from informers.types import Build, V

READ = ("list", "watch")


@dataclass(frozen=True, slots=True)
class WatchedKind(Generic[V]):
    """One kind. Informers, permissions, the check and their documentation are made from it."""

    api: ApiKind
    view: Build[V]
    verbs: Mapping[str, tuple[str, ...]]  # that the controller needs, by subresource; "" for the object itself
    discovered: bool = True  # whether the API server is asked which version it serves
    grant: str = ""  # the value of the chart, below ``kinds``, that grants these rights; "" if they always are
    install: str = ""  # what to do where the API server does not serve it; "": install the operator that defines it
    shape: Shape | None = None  # what the view is made of; None: anything
    declared: bool = False  # by a file of the operator's: the value ``declaredKinds`` of the chart grants these rights

    @property
    def optional(self) -> bool:
        """Whether its permissions are granted only where somebody asks for them."""
        return self.declared or bool(self.grant)

    @property
    def how_to_install(self) -> str:
        """Return what to do where the API server does not serve the kind."""
        return self.install or f"Install the operator that defines {self.api.kind}."

    @property
    def granted_by(self) -> str:
        """Return which value of the chart grants its permissions, for messages."""
        return "declaredKinds" if self.declared else f"kinds.{self.grant}: true"
