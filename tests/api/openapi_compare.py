#!/usr/bin/env python3
"""Compares our OpenAPI document with OpenBao's and prints what is missing, by group.

  openapi_compare.py            spec/openapi.json against tests/conformance/openapi-paths.json
  openapi_compare.py --all      names what the groups that are not built lack, too
  openapi_compare.py --server   asks a server of its own in place of spec/openapi.json

In groups that are built nothing may be missing or different without a row, and a reason, in openapi_missing.md: paths, methods, body and query
fields, types, defaults and deprecation of fields, sudo and open marks, ids of operations. The others are counted. The last line is "N passed, N failed".
"""
import fnmatch
import json
import re
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True

# Group, whether it is built, prefixes; the longest prefix of all wins.
GROUPS = [
    ("sys core", True, ["/sys/init", "/sys/seal", "/sys/seal-status", "/sys/unseal", "/sys/health", "/sys/leader", "/sys/ha-status",
                        "/sys/step-down", "/sys/internal/specs", "/sys/version-history"]),
    ("keys", True, ["/sys/rotate", "/sys/rekey", "/sys/generate-root", "/sys/decode-token", "/sys/key-status"]),
    ("mounts", True, ["/sys/mounts", "/sys/auth", "/sys/remount", "/sys/internal/ui/mounts", "/sys/internal/ui/resultant-acl",
                      "/sys/plugins/catalog"]),
    ("policies", True, ["/sys/policies/acl", "/sys/policy", "/sys/capabilities"]),
    ("token", True, ["/auth/token"]),
    ("kv", True, ["/{kv_mount_path}", "/{kv1_mount_path}"]),
    ("cubbyhole", True, ["/cubbyhole"]),
    ("wrapping", True, ["/sys/wrapping"]),
    ("tools", True, ["/sys/tools"]),
    ("audit", True, ["/sys/audit", "/sys/config/auditing"]),
    ("config", True, ["/sys/config/cors", "/sys/config/ui", "/sys/config/state", "/sys/config/reload"]),
    ("observability", True, ["/sys/metrics", "/sys/host-info", "/sys/in-flight-req", "/sys/loggers", "/sys/monitor"]),
    ("leases", False, ["/sys/leases"]),
    ("policies, later", False, ["/sys/policies/"]),
    ("plugins, later", False, ["/sys/plugins/"]),
    ("sys, later", False, ["/sys/"]),
    ("identity", False, ["/identity/"]),
    ("auth methods", False, ["/auth/"]),
    ("secrets engines", False, ["/"]),
]
METHODS = ("get", "post", "patch", "delete")


def group_of(path):
    return max(((len(p), g) for g in GROUPS for p in g[2] if path.startswith(p)), key=lambda x: x[0])[1]


def shape(path):
    """Names of captures do not count, the mount's does."""
    return re.sub(r"\{(?!\w+_mount_path\})[^}]*\}", "{}", path)


def type_of(schema):
    return schema.get("type", "object")


def ours_by_shape(document):
    out = {}
    for path, item in document["paths"].items():
        into = out.setdefault(shape(path), {"flags": set(), "ops": {}})
        for flag in ("x-vault-sudo", "x-vault-unauthenticated"):
            if item.get(flag):
                into["flags"].add(flag.removeprefix("x-vault-"))
        for method in METHODS:
            op = item.get(method)
            if op is None:
                continue
            body = {}
            any_body = False
            for content in op.get("requestBody", {}).get("content", {}).values():
                schema = document["components"]["schemas"][content["schema"]["$ref"].rsplit("/", 1)[1]]
                body = {n: {"type": type_of(f), "default": f.get("default"), "deprecated": f.get("deprecated", False)}
                        for n, f in schema.get("properties", {}).items()}
                any_body = schema.get("additionalProperties") is True
            query = {p["name"]: type_of(p["schema"]) for p in op.get("parameters", []) if p["in"] == "query"}
            query |= {p["name"]: type_of(p["schema"]) for p in item.get("parameters", []) if p["in"] == "query"}
            into["ops"].setdefault(method, []).append({"id": op["operationId"], "body": body, "any": any_body, "query": query})
    return out


def differences(theirs, ours):
    """(group, built, kind, what) of everything that OpenBao has and we have not, or have otherwise."""
    for path, item in theirs["paths"].items():
        group, built, _ = group_of(path)
        methods = [m for m in METHODS if m in item]
        if not methods:
            continue
        mine = ours.get(shape(path))
        if mine is None:
            yield group, built, "path", path
            continue
        for flag, name in (("sudo", "sudo"), ("unauthenticated", "unauthenticated")):
            if bool(item.get(name)) != (flag in mine["flags"]):
                yield group, built, "mark", f"{path}: {'not ' if item.get(name) else ''}{'open' if flag != 'sudo' else 'sudo'} here"
        for method in methods:
            word = method.upper()
            if method not in mine["ops"]:
                yield group, built, "method", f"{word} {path}"
                continue
            op, candidates = item[method], mine["ops"][method]
            if op["id"] not in {c["id"] for c in candidates}:
                yield group, built, "id", f"{word} {path}: id {op['id']}"
            body = {k: v for c in candidates for k, v in c["body"].items()}
            if not any(c["any"] for c in candidates):
                for name, kind in op.get("body", {}).items():
                    name = name.rstrip("*")
                    base = re.split(r"[:=<] ?| ", kind)[0]
                    default = kind.split("=", 1)[1].removesuffix(" deprecated") if "=" in kind else None
                    if name not in body:
                        yield group, built, "body field", f"{word} {path}: {name}"
                        continue
                    if body[name]["type"] != base:
                        yield group, built, "type", f"{word} {path}: {name} is {body[name]['type']}, not {base}"
                    if default not in (None, "0", "false", '""') and json.dumps(body[name]["default"]) != default:
                        yield group, built, "note", f"{word} {path}: {name} has the default {default}"
                    if kind.endswith(" deprecated") and not body[name]["deprecated"]:
                        yield group, built, "note", f"{word} {path}: {name} is deprecated"
            query = {k: v for c in candidates for k, v in c["query"].items()}
            outside = [n for n in item.get("path", {}) if method == "get" and "{" + n.rstrip("*") + "}" not in path]
            for name in [*op.get("query", {}), *outside]:
                name = name.rstrip("*")
                if name not in query:
                    yield group, built, "query field", f"{word} {path}: {name}"


def reasons():
    rows = {}
    for line in (HERE / "openapi_missing.md").read_text(encoding="utf-8").splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) == 2 and cells[0].startswith("`"):
            rows[cells[0].strip("`")] = cells[1]
    return rows


def main():
    theirs = json.loads((ROOT / "tests/conformance/openapi-paths.json").read_text(encoding="utf-8"))
    if "--server" in sys.argv:
        sys.path.insert(0, str(ROOT / "scripts"))
        sys.path.insert(0, str(ROOT / "tests" / "harness"))
        from importlib.machinery import SourceFileLoader
        document = SourceFileLoader("generate", str(ROOT / "scripts/generate")).load_module().openapi_document()
    else:
        document = json.loads((ROOT / "spec/openapi.json").read_text(encoding="utf-8"))
    ours, rows, used = ours_by_shape(document), reasons(), set()
    bad, counts, excused = [], {}, Counter()
    for group, built, kind, what in differences(theirs, ours):
        counts.setdefault(group, Counter())[kind] += 1
        row = next((r for r in rows if r == what or fnmatch.fnmatchcase(what, re.sub(r"[\[\]]", "?", r))), None)
        if row is not None:
            used.add(row)
            excused[group] += 1
        elif built:
            bad.append(f"{group}: {kind}: {what}")
        elif "--all" in sys.argv:
            print(f"{group}: {kind}: {what}")
    totals = Counter(group_of(p)[0] for p in theirs["paths"])
    print(f"{'group':<18} {'':<9} {'paths':>5}  missing: {'path':>6} {'method':>6} {'body':>6} {'query':>6} {'type':>6} {'mark':>6} {'note':>6} {'id':>6}  with a reason")
    for group, built, _ in GROUPS:
        c = counts.get(group, Counter())
        print(f"{group:<18} {'built' if built else 'later':<9} {totals[group]:>5}           {c['path']:>6} {c['method']:>6} {c['body field']:>6} "
              f"{c['query field']:>6} {c['type']:>6} {c['mark']:>6} {c['note']:>6} {c['id']:>6}  {excused[group]:>6}")
    for line in bad:
        print("MISSING", line)
    for row in rows.keys() - used:
        bad.append(row)
        print("STALE   a row of openapi_missing.md fits nothing any more:", row)
    for row, reason in rows.items():
        if not reason:
            bad.append(row)
            print("NO REASON for", row)
    good = sum(totals[g] for g, built, _ in GROUPS if built)
    print(f"{good} passed, {len(bad)} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
