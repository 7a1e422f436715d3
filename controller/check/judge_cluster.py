"""What the API server's answers mean: is it there, are we known, are the kinds served, may we do what we must? Pure."""

from collections.abc import Iterator
from itertools import groupby
from typing import assert_never

from controller.check.facts import Access, Api, Facts, NoApi, NotServed, Permission, Served, Unknown
from controller.check.findings import Finding, Reason, cannot_tell, passed, problem
from controller.resources import APPLY_CRD, CANARIES

OLDEST = (1, 25)
ANONYMOUS = "system:anonymous"
_WHERE_IT_IS = "Name the cluster with --kubeconfig or --master; `kubectl cluster-info` shows whether it answers you."
_APPLY_ACCOUNT = "Bind the rules of artifacts/flagger/account.yaml to it (the chart does: rbac.create)"
_MANY = 4


def api_server(facts: Facts) -> Iterator[Finding]:
    """It answers, and is new enough."""
    check = "api-server"
    match facts.api:
        case NoApi(why, refused=True):
            fix = "Log in again, or name another kubeconfig with --kubeconfig."
            yield problem(check, Reason.NOT_AUTHENTICATED, f"The API server refuses the credentials: {why}", fix)
        case NoApi(why):
            said = f"The API server has not answered, so nothing in the cluster was checked: {why}"
            yield problem(check, Reason.API_SERVER_UNREACHABLE, said, _WHERE_IT_IS)
        case Api(version=Unknown(why)):
            yield cannot_tell(check, f"The version of Kubernetes is unknown: {why}", _WHERE_IT_IS)
        case Api(version=version):
            assert not isinstance(version, Unknown)  # noqa: S101  # the case above
            if (version.major, version.minor) >= OLDEST:
                yield passed(check, f"The API server answers, Kubernetes {version.text}")
            else:
                said = f"Kubernetes {version.text} is older than 1.25, the first that can check the schema of Canary"
                yield problem(check, Reason.KUBERNETES_TOO_OLD, said, "Upgrade the cluster.")
        case _:
            assert_never(facts.api)


def identity(facts: Facts) -> Iterator[Finding]:
    """We are somebody."""
    if isinstance(facts.api, Api) and facts.api.user == ANONYMOUS:
        said = f"The API server takes the requests as those of {ANONYMOUS}: they have no credentials"
        fix = "Name a kubeconfig with a user with --kubeconfig, or run in a pod with a service account."
        yield problem("api-server", Reason.NOT_AUTHENTICATED, said, fix)


def namespaces(facts: Facts) -> Iterator[Finding]:
    """What is watched exists."""
    if isinstance(facts.api, Api):
        for name in facts.api.missing_namespaces:
            fix = f"kubectl create namespace {name}, or correct --namespace"
            yield problem("namespaces", Reason.NAMESPACE_NOT_FOUND, f"Namespace {name} does not exist", fix)


def kinds(facts: Facts) -> Iterator[Finding]:
    """The custom kinds are served, ours with the fields that we write."""
    if not isinstance(facts.api, Api):
        return
    for kind, found in facts.api.kinds.items():
        yield _kind(kind, found)
        if kind == CANARIES.kind and facts.api.missing_fields:
            yield _other_schema(facts.api.missing_fields)


def _kind(kind: str, found: Served | NotServed | Unknown) -> Finding:
    match found:
        case Served(api_version):
            return passed("kinds", f"{kind} is served as {api_version}")
        case NotServed(what, fix):
            return problem("kinds", Reason.KIND_NOT_SERVED, what, fix)
        case Unknown(why):
            return cannot_tell("kinds", f"It is unknown whether {kind} is served: {why}", _WHERE_IT_IS)
        case _:
            assert_never(found)


def _other_schema(missing: tuple[str, ...]) -> Finding:
    named = ", ".join(missing[:_MANY]) + (f" and {len(missing) - _MANY} more" if len(missing) > _MANY else "")
    said = f"The served schema of Canary lacks {named}, which the API server drops from every object"
    fix = f"{APPLY_CRD} (first uninstall any other operator whose CRD has the same name)"
    return problem("kinds", Reason.SCHEMA_DIFFERS, said, fix)


def permissions(facts: Facts) -> Iterator[Finding]:
    """We may do what the controller does, in every namespace that is watched."""
    if not isinstance(facts.api, Api) or facts.api.user == ANONYMOUS:
        return
    who = facts.api.user if isinstance(facts.api.user, str) else "this user"
    scopes = [list(scope) for _, scope in groupby(facts.api.access, key=lambda a: (a.namespace, _is_lease(a), a.kind))]
    for scope in scopes:
        where = f"in namespace {scope[0].namespace}" if scope[0].namespace else "in all namespaces"
        unknown = next((a.allowed for a in scope if isinstance(a.allowed, Unknown)), None)
        denied = [a for a in scope if a.allowed is False]
        if unknown is not None:
            said = f"It is unknown whether {who} may do what the controller does {where}: {unknown.why}"
            yield cannot_tell("permissions", said, _APPLY_ACCOUNT)
        elif not denied:
            yield passed("permissions", f"{who} may do what the controller does {where}{_purpose(scope[0])}")
        else:
            rules = _rules(scope) if scope[0].kind in facts.api.declared else ""
            yield from (_not_allowed(who, where, scope[0], said, rules) for said in _sentences(denied, of=len(scope)))


def _sentences(denied: list[Access], *, of: int) -> Iterator[str]:
    """Yield what is not allowed, resource by resource, or in one sentence if nothing is."""
    if len(denied) == of > 1:
        yield f"do nothing that the controller does{_purpose(denied[0])}"
        return
    for _, group in groupby(denied, key=lambda a: (a.permission.group, a.permission.resource)):
        found = [a.permission for a in group]
        yield f"not {' or '.join(p.verb for p in found)} {_named(found[0])}"


def _named(permission: Permission) -> str:
    return f"{permission.on} {permission.name}".rstrip()


def _rules(scope: list[Access]) -> str:
    """Return what a role must hold for a kind that no file of ours grants, as one line of YAML per resource."""
    groups = groupby(scope, key=lambda a: (a.permission.group, a.permission.resource))
    lines = (
        f"{{apiGroups: [{group}], resources: [{resource}], verbs: [{', '.join(a.permission.verb for a in found)}]}}"
        for (group, resource), found in groups
    )
    return f"[{', '.join(lines)}]"


def _not_allowed(who: str, where: str, scope: Access, what: str, rules: str) -> Finding:
    if rules:
        fix = f"Give it a role with these rules (the chart does with the value `declaredKinds`): {rules}"
    elif _is_lease(scope):
        fix = f"Bind the Role of artifacts/flagger/account.yaml in namespace {scope.namespace}, or name the namespace "
        fix += "where the controller runs with --leader-election-namespace."
    elif scope.kind:
        plural = scope.permission.resource
        fix = f"Apply artifacts/kinds/{plural}.yaml (the chart does with the value `kinds`), or bind its rules there."
    elif scope.namespace:
        fix = "Give it a Role with the rules of the ClusterRole in artifacts/flagger/account.yaml, and bind it there."
    else:
        fix = f"{_APPLY_ACCOUNT}, or restrict it with --namespace to the namespaces that it may see"
    return problem("permissions", Reason.NOT_ALLOWED, f"{who} may {what} {where}", fix)


def _is_lease(access: Access) -> bool:
    return access.permission.resource == "leases"


def _purpose(access: Access) -> str:
    if access.kind:
        return f" for canaries that name {access.kind}"
    return " to lead" if _is_lease(access) else ""
