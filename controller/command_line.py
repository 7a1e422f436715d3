"""How a command line and its environment are read: Go's dashes, variables beside flags, one sentence if one is wrong.

A flag wins before its variable is looked at, so that a wrong variable does no harm to whoever names the flag.
"""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://.*", re.DOTALL)


class UsageError(Exception):
    """A flag, a variable or an argument is wrong; the message says which, and what would be right."""


class Parser(argparse.ArgumentParser):
    """Reads one command's flags."""

    def __init__(
        self,
        prog: str,
        *,
        description: str,
        epilog: str,
        usage: str | None = None,
        hint: Callable[[Sequence[str]], str] = lambda _: "",
    ) -> None:
        """Take the texts of ``--help``, and what to add for arguments that are not known."""
        super().__init__(
            prog,
            usage=usage,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self._hint = hint

    def read(self, argv: Sequence[str], environ: Mapping[str, str]) -> argparse.Namespace:
        """Return what the flags say, else their variables, else their defaults.

        Raises:
            UsageError: something is wrong.
            SystemExit: help or the version was asked for, and printed.
        """
        nothing = argparse.Namespace(**{action.dest: None for action in self._actions if _has_value(action)})
        arguments = [_two_dashes(argument) for argument in argv]
        for argument in arguments:
            if argument.startswith("--") and argument.endswith("=--"):  # argparse takes it for the end of the flags
                self.error(f"argument {argument.removesuffix('=--')}: '--' is not a value")
        found, unknown = self.parse_known_args(arguments, nothing)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._hint(unknown)}")
        for action in self._actions:
            if action.option_strings and getattr(found, action.dest, "") is None:
                setattr(found, action.dest, self._beside(action, environ))
        return found

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage, which is longer than what is wrong."""
        raise UsageError(f"{' '.join(message.split())}; see {self.prog} --help")

    def _beside(self, action: argparse.Action, environ: Mapping[str, str]) -> Any:  # noqa: ANN401  # of any type
        """Return what is taken where there is no flag: the variable's value, or the default."""
        name = "FLAGGER_" + action.option_strings[-1].removeprefix("--").replace("-", "_").upper()
        text = environ.get(name)
        if not text or _is_service_link(name, text):
            return _typed(action, action.default) if isinstance(action.default, str) else action.default
        try:
            if isinstance(action, argparse._AppendAction):  # noqa: SLF001  # argparse has no public name for it
                return [_typed(action, part.strip()) for part in text.split(",")]
            return _typed(action, text)
        except argparse.ArgumentTypeError as error:
            self.error(f"variable {name}: {error}")


def as_kubectl_takes_it(argument: str, letters: Mapping[str, str]) -> str:
    """Return ``-ntest`` as ``-n=test``; it would be taken for Go's ``-ntest`` otherwise.

    Args:
        argument: as it was typed.
        letters: the flags of one letter that have a value, each with its long name.
    """
    for letter, name in letters.items():
        glued = argument[:2] == f"-{letter}" and argument[2:3] not in {"", "="}
        if glued and not argument.startswith(f"-{name}"):
            return f"-{letter}={argument[2:]}"
    return argument


def _typed(action: argparse.Action, text: str) -> Any:  # noqa: ANN401  # of any type
    return action.type(text) if callable(action.type) else text


def _has_value(action: argparse.Action) -> bool:
    """Whether an action is a flag with a value; help and version are none."""
    return bool(action.option_strings) and action.default is not argparse.SUPPRESS


def _is_service_link(name: str, text: str) -> bool:
    """Whether Kubernetes has set a variable: a Service named flagger makes it FLAGGER_PORT=tcp://10.0.0.1:8080."""
    return name.endswith("_PORT") and _SERVICE_LINK.fullmatch(text) is not None


def _two_dashes(argument: str) -> str:
    """Return Go's ``-name`` as ``--name``; ``-h`` and ``-o=json`` stay."""
    letters = argument[1:].split("=", maxsplit=1)[0]
    single = argument[:1] == "-" and letters[:1].isalpha() and len(letters) > 1
    return f"-{argument}" if single else argument
