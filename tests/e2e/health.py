"""What Argo CD and Flux show of an object, asked of what they ask: Lua in a real interpreter, kstatus itself."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from lupa import lua51

ROOT = Path(__file__).parents[2]
Json = dict[str, Any]

# What Argo CD's own check for flagger.app/Canary needs of a status, in our words: each of the three fields must be
# there, and only these phases have a meaning.
BUNDLED = """
local words = {
  Progressing = "Progressing", Promoting = "Progressing", Finalising = "Progressing",
  Succeeded = "Healthy", Initialized = "Healthy", Failed = "Degraded",
}
if obj.status == nil then
  return {status = "Unknown", message = ""}
end
local said = {"weight " .. (tonumber(obj.status.canaryWeight) + 0)}
for _, condition in ipairs(obj.status.conditions) do
  table.insert(said, condition.message .. "")
end
return {status = words[obj.status.phase .. ""] or "Unknown", message = table.concat(said, ", ")}
"""


def ours() -> str:
    """Return the health check that we ship for Argo CD."""
    text = (ROOT / "artifacts" / "argo-cd" / "health-check.yaml").read_text()
    script: str = yaml.safe_load(text)["data"]["resource.customizations.health.flagger.app_Canary"]
    return script


def argo_cd(script: str, obj: Json) -> tuple[str, str]:
    """Return health and message that a script gives an object, as Argo CD runs it: ``obj`` is a global."""
    runtime = lua51.LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)
    runtime.globals().obj = _table(runtime, obj)
    health = runtime.execute(script)
    return health.status, health.message


def _table(runtime: lua51.LuaRuntime, value: object) -> object:
    if isinstance(value, dict):
        return runtime.table_from({key: _table(runtime, inner) for key, inner in value.items()})
    if isinstance(value, list):
        return runtime.table_from([_table(runtime, inner) for inner in value])
    return value


def without_repeats(words: Sequence[str]) -> list[str]:
    """Return the words in their order, each run of the same one once."""
    return [word for at, word in enumerate(words) if at == 0 or words[at - 1] != word]
