"""The file of ``--kinds``: reads it, and says in one sentence what is wrong with it."""

from argparse import ArgumentTypeError
from pathlib import Path

import yaml

from controller.kinds import TAKEN
from deploy.declaration import Declaration
from deploy.declarations import DeclarationError, parse_declarations
from informers.kubeconfig import YAML_ERRORS

_MOST_BYTES = 1_000_000  # a ConfigMap, from which it usually comes, holds no more


def read_kinds(path: str) -> tuple[Declaration, ...]:
    """Return the kinds that a file declares.

    Raises:
        ArgumentTypeError: it cannot be read, or a declaration is wrong.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise DeclarationError(f"it holds more than {_MOST_BYTES} bytes")
        return parse_declarations(yaml.safe_load(content), TAKEN)
    except (OSError, ValueError) as error:  # a path with a null byte, text that is no UTF-8, a declaration
        why = error.strerror if isinstance(error, OSError) else error
        raise ArgumentTypeError(f"{path!r}: {why}") from error
    except YAML_ERRORS as error:
        raise ArgumentTypeError(f"{path!r} is not YAML: {' '.join(str(error).split())}") from error
