"""The API on paper: spec/routes.txt and docs/api/*.md, made of the server's own OpenAPI document and nothing else.

A path that no page claims is an error: add it to PAGES.
"""
import json
import re

METHODS = {"get": "GET", "post": "POST", "patch": "PATCH", "delete": "DELETE"}

# file, title, what the page is about, prefixes of paths (the longest prefix of all pages wins)
PAGES = [
    ("token.md", "Tokens", "Every way to log in ends in a token. Tokens are made, looked up, renewed and revoked below `auth/token/`. A "
     "revoked token takes its children along; no request that starts after the answer is authorised.", ["/auth/token/"]),
    ("kv-v2.md", "KV version 2", "Secrets with versions. The pages assume a mount at `kv/`; put your own mount's path in its place. "
     "`data/` holds the values, `metadata/` the settings and the list of versions.", ["/{kv_mount_path}/"]),
    ("kv-v1.md", "KV version 1", "Secrets without versions: a write replaces what was there. The page assumes a mount at `kv1/`.",
     ["/{kv1_mount_path}/"]),
    ("cubbyhole.md", "Cubbyholes", "A place of each token's own, that nobody else can read, not even root. It goes when the token goes.",
     ["/cubbyhole/"]),
    ("wrapping.md", "Response wrapping", "Ask with the header `X-Vault-Wrap-TTL: 5m` and the reply stays in the server; what comes back is a "
     "token that fetches it, once. Who finds it used knows that somebody else has read it.", ["/sys/wrapping/"]),
    ("seal.md", "Initialising, unsealing, health", "A server starts sealed: it has no key to its own data. These paths answer in that "
     "state, too.", ["/sys/init", "/sys/seal", "/sys/seal-status", "/sys/unseal", "/sys/health", "/sys/leader", "/sys/ha-status",
                     "/sys/step-down"]),
    ("keys.md", "Keys: rotation, new shares, a new root token", "Rotation changes the key that new data is encrypted with. Rekeying deals "
     "new key shares. A root token is made by a quorum of those who hold the shares.",
     ["/sys/rotate", "/sys/rekey", "/sys/generate-root", "/sys/generate-recovery-token", "/sys/decode-token", "/sys/key-status",
      "/sys/rekey-recovery-key"]),
    ("mounts.md", "Mounts", "Which engine answers below which path.",
     ["/sys/mounts", "/sys/auth", "/sys/remount", "/sys/internal/ui/mounts"]),
    ("policies.md", "Policies and capabilities", "What a token may do is written in policies; what it comes to can be asked.",
     ["/sys/policies/", "/sys/policy", "/sys/capabilities", "/sys/internal/ui/resultant-acl"]),
    ("leases.md", "Leases", "What was lent for a time: looked up, renewed, revoked.", ["/sys/leases"]),
    ("audit.md", "Audit", "The log is built in and cannot be switched off; devices carry it elsewhere.",
     ["/sys/audit", "/sys/audit-hash/", "/sys/config/auditing/", "/sys/internal/audit/"]),
    ("tools.md", "Tools", "Random bytes and hashes.", ["/sys/tools/"]),
    ("observe.md", "Watching the server", "Metrics, the log, requests in flight, the host.",
     ["/sys/metrics", "/sys/host-info", "/sys/in-flight-req", "/sys/loggers", "/sys/monitor", "/sys/pprof", "/sys/version-history",
      "/sys/config/state/", "/sys/internal/counters/", "/sys/internal/inspect/"]),
    ("config.md", "Configuration at run time", "Settings that are kept in the store and hold at once.",
     ["/sys/config/", "/sys/experiments", "/sys/quotas/", "/sys/locked-users"]),
    ("plugins.md", "Built-in engines", "The catalogue of what can be mounted.", ["/sys/plugins/"]),
    ("internal.md", "The store, the API itself", "A check of every record of the store, and the OpenAPI document that these pages are made of.",
     ["/sys/internal/"]),
]

EXAMPLES = {
    "path": "example", "default_lease_ttl": "1h", "max_lease_ttl": "24h", "explicit_max_ttl": "24h", "name": "example", "token": "hvs.CAES...", "accessor": "20bstdht3J64NhXcA8Gymr", "nonce": "279f90fb-fa50-4979-bef1-9c869ef480cb", "policy": "path \"kv/*\" { capabilities = [\"read\"] }",
    "policies": ["default"], "type": "kv", "ttl": "1h", "period": "24h", "key": "3c7d0a...", "paths": ["kv/data/example"], "versions": [1],
    "data": {"password": "x"}, "options": {"version": "2"}, "input": "dGVzdA==", "from": "old", "to": "new", "keys": ["..."],
}


DEAL = {"secret_shares": 5, "secret_threshold": 3}
AT = {"paths": ["kv/data/example"]}
POLICY = {"policy": EXAMPLES["policy"]}
# Bodies for which the first fields would say nothing, or the wrong thing.
BODIES = {
    "/sys/init": DEAL, "/sys/unseal": {"key": EXAMPLES["key"]},
    "/sys/rekey/init": DEAL, "/sys/rekey-recovery-key/init": DEAL, "/sys/rotate/root/init": DEAL, "/sys/rotate/recovery/init": DEAL,
    "/sys/rotate/config": {"max_operations": 1000000000, "interval": "720h"},
    "/sys/rotate/keyring/config": {"max_operations": 1000000000, "interval": "720h"},
    "/sys/generate-root": {}, "/sys/generate-root/attempt": {}, "/sys/generate-root-token/attempt": {},
    "/sys/audit/{path}": {"type": "file", "options": {"file_path": "team.log"}},
    "/sys/internal/audit/archive": {"before": 100000, "destination": "/var/backups/audit"},
    "/sys/config/cors": {"allowed_origins": ["https://console.example"]},
    "/sys/config/ui/headers/{header}": {"values": ["example"]},
    "/sys/internal/specs/openapi": {"generic_mount_paths": True},
    "/sys/auth/{path}": {"type": "userpass", "description": "people"},
    "/sys/loggers": {"level": "debug"}, "/sys/loggers/{name}": {"level": "debug"},
    "/sys/plugins/reload/backend": {"plugin": "kv"},
    "/sys/capabilities": {"token": EXAMPLES["token"], **AT}, "/sys/capabilities-self": AT,
    "/sys/capabilities-accessor": {"accessor": EXAMPLES["accessor"], **AT},
    "/sys/policies/acl/{name}": POLICY, "/sys/policy/{name}": POLICY,
    "/auth/token/create": {"policies": ["default"], "ttl": "1h"}, "/auth/token/create-orphan": {"policies": ["default"], "ttl": "1h"},
    "/auth/token/create/{role_name}": {"ttl": "1h"},
    "/auth/token/roles/{role_name}": {"allowed_policies": ["default"], "token_period": "24h"},
    "/sys/tools/hash": {"input": "dGVzdA=="}, "/sys/tools/hash/{urlalgorithm}": {"input": "dGVzdA=="},
    "/sys/tools/random": {"bytes": 32}, "/sys/tools/random/{first}": {"format": "base64"},
    "/sys/tools/random/{first}/{urlbytes}": {"format": "base64"},
    "/{kv_mount_path}/config": {"max_versions": 10}, "/{kv_mount_path}/metadata/{path}": {"max_versions": 10, "cas_required": True},
}

# Parts of paths for which "example" would not do.
PATH_EXAMPLES = {
    "/sys/plugins/catalog/{type}": {"type": "secret"}, "/sys/plugins/catalog/{type}/{name}": {"type": "secret", "name": "kv"},
    "/sys/tools/random/{first}": {"first": "32"}, "/sys/tools/random/{first}/{urlbytes}": {"first": "platform", "urlbytes": "32"},
    "/sys/tools/hash/{urlalgorithm}": {"urlalgorithm": "sha2-256"}, "/sys/loggers/{name}": {"name": "core"},
    "/sys/mounts/{path}": {"path": "team"}, "/sys/mounts/{path}/tune": {"path": "kv"},
}


def operations(document):
    """(path, verb as clients write it, operation, item) of each operation; a GET that lists is two."""
    for path, item in document["paths"].items():
        for method, word in METHODS.items():
            op = item.get(method)
            if op is None:
                continue
            lists = {p["name"]: p for p in op.get("parameters", []) if p["name"] in ("list", "scan") and p["in"] == "query"}
            if word == "GET" and not (lists and all(p.get("required") for p in lists.values())):
                yield path, "GET", op, item
            elif word != "GET":
                yield path, word, op, item
            for name, parameter in lists.items():
                yield path, name.upper(), {**op, "summary": re.sub(r"(, if|; must be) `true`$", "", parameter["description"])}, item


def routes_text(document):
    lines = ["# Every route: verb, path, who may ask (token: by policy; sudo: with the sudo capability; open: anybody), what it does.",
             "# Generated by scripts/generate from the running server."]
    for path, verb, op, item in operations(document):
        who = "open" if item.get("x-vault-unauthenticated") else "sudo" if item.get("x-vault-sudo") else "token"
        lines.append(f"{verb:<6} {path:<60} {who:<5} {op.get('summary', '')}".rstrip())
    return "\n".join(lines) + "\n"


def resolve(document, schema):
    ref = schema.get("$ref")
    return document["components"]["schemas"][ref.rsplit("/", 1)[1]] if ref else schema


def body_schema(document, op):
    for content in op.get("requestBody", {}).get("content", {}).values():
        return resolve(document, content["schema"])
    return None


def reply_schema(document, op):
    for status, reply in op["responses"].items():
        for content in reply.get("content", {}).values():
            return status, resolve(document, content["schema"])
        return status, None
    return "204", None


def kind(schema):
    word = schema.get("type", "any")
    if word == "array":
        return "list of " + kind(schema.get("items", {}))
    word = {"seconds": "duration", "date-time": "time", "kvpairs": "object of strings"}.get(schema.get("format"), word)
    return word


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def notes(field, required):
    """The help, with what else must be known."""
    text = field.get("description", "")
    if text and text[-1] not in ".:;*":
        text += "."
    if field.get("enum"):
        text += " One of: " + ", ".join(f"`{v}`" for v in field["enum"]) + "."
    if "default" in field:
        text += f" Default: `{json.dumps(field['default'])}`."
    if field.get("x-vault-displayAttrs", {}).get("sensitive"):
        text += " A secret."
    if field.get("deprecated"):
        text = "Deprecated. " + text
    return cell(text), "yes" if required else ""


def flat(schema, prefix=""):
    """(name, schema, required) of every field, records inside as a.b."""
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        yield prefix + name, field, name in required
        if field.get("properties"):
            yield from flat(field, prefix + name + ".")
        items = field.get("items", {})
        if items.get("properties"):
            yield from flat(items, prefix + name + "[].")
        values = field.get("additionalProperties")
        if isinstance(values, dict) and values.get("properties"):
            yield from flat(values, prefix + name + ".*.")


def example_value(name, field):
    if field.get("enum"):
        return field["enum"][0]
    if name in EXAMPLES:
        return EXAMPLES[name]
    if "default" in field:
        return field["default"]
    word = field.get("type")
    if field.get("format") == "seconds":
        return "1h"
    if word == "integer":
        return 1
    if word == "boolean":
        return True
    if word == "array":
        return [example_value("", field.get("items", {"type": "string"}))]
    if word == "object":
        return {k: example_value(k, v) for k, v in list(field.get("properties", {}).items())[:2]}
    return "example"


def example(document, path, verb, op, item):
    target = path
    for p in item.get("parameters", []):
        if p["in"] == "path":
            value = PATH_EXAMPLES.get(path, {}).get(p["name"]) or p["schema"].get("default") or EXAMPLES.get(p["name"], "example")
            target = target.replace("{" + p["name"] + "}", str(value))
    parts = ["curl"]
    if verb in ("LIST", "SCAN"):
        parts.append(f"--request {verb}")
    elif verb in ("DELETE", "PATCH"):
        parts.append(f"--request {verb}")
    if not item.get("x-vault-unauthenticated"):
        parts.append('--header "X-Vault-Token: $VAULT_TOKEN"')
    if verb == "PATCH":
        parts.append('--header "Content-Type: application/merge-patch+json"')
    schema = body_schema(document, op) if verb in ("POST", "PATCH") else None
    if schema is not None:
        fields = [(n, f) for n, f in schema.get("properties", {}).items() if not f.get("deprecated")]
        required = [x for x in fields if x[0] in schema.get("required", [])]
        chosen = required or fields[:2]
        body = {n: example_value(n, f) for n, f in chosen} if fields else {"key": "value"}
        if (wanted := BODIES.get(path)) is not None:
            if fields and (unknown := wanted.keys() - dict(fields).keys()):
                raise SystemExit(f"{verb} {path}: the example in scripts/api_pages.py has fields that the path does not take: {sorted(unknown)}")
            body = wanted
        parts.append("--data '" + json.dumps(body) + "'")
    elif verb == "POST":
        parts.append("--request POST")
    parts.append(f'"$VAULT_ADDR/v1{target}"')
    return "\n".join(["```sh", " \\\n  ".join([" ".join(parts[:1] + parts[1:-1])] + parts[-1:]) if len(parts) > 2 else " ".join(parts), "```"])


def page_of(path):
    best = max(((len(prefix), page) for page in PAGES for prefix in page[3] if path.startswith(prefix)), key=lambda x: x[0], default=None)
    if best is None:
        raise SystemExit(f"{path}: no page of docs/api is for it: add one to PAGES in scripts/api_pages.py")
    return best[1][0]


def write_operation(document, path, verb, op, item):
    out = [f"## {op.get('summary', verb)}", "", f"`{verb} /v1{path}`", ""]
    if op.get("description"):
        out += [op["description"], ""]
    if op.get("description", "").startswith("Closed"):
        pass
    elif item.get("x-vault-unauthenticated"):
        out += ["Needs no token."]
    elif item.get("x-vault-sudo"):
        out += ["Needs the `sudo` capability on the path, beside the one for the verb."]
    else:
        capability = {"GET": "`read`", "LIST": "`list`", "SCAN": "`scan`", "PATCH": "`patch`", "DELETE": "`delete`",
                      "POST": "`create` for what is not there yet, else `update`," if item.get("x-vault-createSupported") else "`update`"}[verb]
        out += [f"Needs the capability {capability} on the path."]
    out += [""]
    rows = []
    for p in item.get("parameters", []):
        if p["in"] == "path":
            text, _ = notes({**p["schema"], "description": p["description"]}, True)
            rows.append((p["name"], "path", kind(p["schema"]), "yes", text))
    if verb in ("GET", "LIST", "SCAN", "DELETE"):
        for p in op.get("parameters", []):
            if p["name"] not in ("list", "scan"):
                text, must = notes({**p["schema"], "description": p["description"]}, p.get("required"))
                rows.append((p["name"], "query", kind(p["schema"]), must, text))
    elif (schema := body_schema(document, op)) is not None:
        for name, field, required in flat(schema):
            text, must = notes(field, required)
            rows.append((name, "body", kind(field), must, text))
        if not schema.get("properties"):
            rows.append(("(any)", "body", "object", "", cell(schema.get("description", ""))))
    if rows:
        out += ["| Parameter | In | Type | Required | |", "|---|---|---|---|---|"]
        out += [f"| `{n}` | {w} | {k} | {r} | {t} |" for n, w, k, r, t in rows]
    else:
        out += ["No parameters."]
    out += [""]
    status, reply = reply_schema(document, op)
    fields = list(flat(reply)) if reply else []
    if fields:
        out += [f"Reply {status}:", "", "| Field | Type | |", "|---|---|---|"]
        out += [f"| `{n}` | {kind(f)} | {notes(f, False)[0]} |" for n, f, _ in fields]
    elif reply is not None and isinstance(reply.get("additionalProperties"), dict):
        out += [f"Reply {status}: one member for each name, {kind(reply['additionalProperties'])}."]
        inner = list(flat(reply["additionalProperties"]))
        if inner:
            out += ["", "| Field | Type | |", "|---|---|---|"]
            out += [f"| `{n}` | {kind(f)} | {notes(f, False)[0]} |" for n, f, _ in inner]
    elif status == "204":
        out += ["Reply 204, without a body."]
    else:
        out += [f"Reply {status}: {op['responses'][status].get('description', 'OK')}."]
    out += ["", example(document, path, verb, op, item), ""]
    return out


ERRORS = """## Errors

Every error is `{"errors": ["..."]}`; the text names the field, the rule and the next step.

| Status | When |
|---|---|
| 400 | a field has the wrong type or a value that is not taken; a required one is missing |
| 403 | no token, an unknown or expired one, or no policy permits it; whether the path exists is not told |
| 404 | nothing is there |
| 405 | the path does not serve this verb |
| 503 | the server is sealed, or cannot write its log |
"""


def pages(document):
    """{file name: text} of docs/api."""
    by_page = {}
    for path, verb, op, item in operations(document):
        by_page.setdefault(page_of(path), []).append((path, verb, op, item))
    out = {}
    index = ["# The HTTP API", "", "<!-- Generated by scripts/generate. -->", "",
             "One page for each engine and area. All of them are generated by `scripts/generate` from the tables that the server itself answers",
             "from; a running server tells the same about itself: `strongroom path-help PATH`, `GET /v1/sys/internal/specs/openapi`.",
             "The machine's form is [spec/openapi.json](../../spec/openapi.json), all routes on one page are [spec/routes.txt](../../spec/routes.txt).", "",
             "Every example needs `VAULT_ADDR` and, where it says so, `VAULT_TOKEN`. `PUT` means `POST` everywhere, `GET ...?list=true` means `LIST`.",
             "Durations are seconds (`3600`) or texts (`\"1h\"`).", "",
             "Reply fields are in `data` of the envelope `{request_id, lease_id, renewable, lease_duration, data, wrap_info, warnings, auth}`.",
             "Without envelope, the fields alone: `sys/init`, `sys/seal-status`, `sys/unseal`, `sys/health`, `sys/leader`. With the fields in `data` and",
             "once more at the top, for old clients: `sys/mounts`, `sys/policy`, `sys/capabilities` and what is below them.", "", "| Page | Operations |", "|---|---|"]
    for name, title, about, _ in PAGES:
        ops = by_page.get(name)
        if not ops:
            continue
        text = [f"# {title}", "", "<!-- Generated by scripts/generate. -->", "", about, ""]
        for path, verb, op, item in ops:
            text += write_operation(document, path, verb, op, item)
        out[name] = "\n".join(text) + "\n" + ERRORS
        index.append(f"| [{title}]({name}) | {len(ops)} |")
    out["README.md"] = "\n".join(index) + "\n"
    return out
