#!/usr/bin/env python3
"""Replays the part of the kit that is built so far and holds the result against tests/clients/DIFFERENCES.md.

Fails on a difference that is not listed, on a listed one that has vanished, and on a row that cannot be right.
  check.py                                   build/release/strongroom (or $STRONGROOM)
  check.py --server-cmd 'bao server -config={config}'
  check.py --all-areas                       every scenario, for information: prints counts per area and never fails
"""
import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from replay import replay  # noqa: E402
from runner import Target  # noqa: E402
from scenario import load_all  # noqa: E402
from server import Server  # noqa: E402

AREAS = {"audit", "config", "health", "kv1", "kv2", "lifecycle", "policies", "cubbyhole", "wrapping", "capabilities", "tools", "token"}
NAMES = {"plugins-catalog", "policy-paths", "policy-sudo-and-lists", "policy-wrapping-ttl", "mounts-basics", "mounts-errors", "audit-kv", "audit-refused", "audit-unlogged", "audit-wrapping"}
LEFT_OUT = set()
# Steps that need what is built later. They are not sent; {old: new} is put into the steps after them.
STEPS_LEFT_OUT = {}
KINDS = {"security", "documented", "later"}
LIST = HERE.parent / "clients" / "DIFFERENCES.md"


def main():
    options = _parse()
    tolerances = json.loads((HERE / "tolerances.json").read_text(encoding="utf-8"))
    template = Path(options.config_template).read_text(encoding="utf-8")
    scenarios = load_all([HERE / "scenarios", HERE / "audit"])
    if not options.all_areas:
        scenarios = [_without_later_steps(s) for s in scenarios if _is_built(s)]
    if options.name:
        scenarios = [s for s in scenarios if s.name in options.name.split(",")]
    if options.shuffle is not None:
        random.Random(options.shuffle).shuffle(scenarios)
    results, skipped = _replay_all(scenarios, options.server_cmd, template, tolerances)
    if options.all_areas:
        return _print_areas(results, skipped)
    listed, mistakes = read_list(LIST) if options.differences else ({}, [])
    if options.name:
        listed = {key: row for key, row in listed.items() if key[0] in options.name.split(",")}
    return _conclude(results, skipped, listed, mistakes, options.verbose)


def _parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    binary = os.environ.get("STRONGROOM", str(HERE.parent.parent / "build/release/strongroom"))
    parser.add_argument("--server-cmd", default=f"{binary} server -config={{config}}", help="starts a server from {config}")
    parser.add_argument("--config-template", default=HERE / "server-config.hcl")
    parser.add_argument("--name", help="only these scenarios, comma separated")
    parser.add_argument("--shuffle", type=int, metavar="SEED", help="another order")
    parser.add_argument("--no-differences", dest="differences", action="store_false", help="allow no difference, listed or not (for the oracle itself)")
    parser.add_argument("--all-areas", action="store_true", help="replay everything, for information")
    parser.add_argument("--verbose", action="store_true", help="print the listed differences too")
    return parser.parse_args()


def _is_built(scenario):
    return scenario.name in NAMES or scenario.area in AREAS and scenario.name not in LEFT_OUT


def _without_later_steps(scenario):
    """Blanks the steps that are left out, so that the others keep their numbers."""
    numbers, renames = STEPS_LEFT_OUT.get(scenario.name, (set(), {}))
    if numbers:
        steps = []
        for number, step in enumerate(scenario.steps, 1):
            text = json.dumps(step)
            if number > max(numbers):
                for old, new in renames.items():
                    text = text.replace(old, new)
            steps.append({} if number in numbers else json.loads(text))
        scenario.steps = steps
    return scenario


def _replay_all(scenarios, command, template, tolerances):
    """{(scenario, step): (area, request, problems)} for every compared step, and the scenarios that could not run."""
    results, skipped, shared = {}, [], None
    try:
        for s in scenarios:
            if s.server is None:
                if shared is None:
                    shared = Server(command, template)
                    shared.prepare()
                server = shared
            else:
                try:
                    server = Server(command, template, None, s.server.get("listener", ""), s.server.get("config", ""))
                    if s.server.get("prepare", False):
                        server.prepare()
                except SystemExit as broken:
                    skipped.append((s.name, str(broken)))
                    continue
            try:
                target = Target(server.address, server.token, server.keys[0] if server.keys else None, None, server.audit_file, server=server)
                lacking = target.lacks(s)
                if lacking:
                    skipped.append((s.name, "needs " + ", ".join(lacking)))
                    continue
                if "audit_file" in s.needs:
                    _settle(server.audit_file)
                for r in replay(s, target, tolerances):
                    results[s.name, r["step"]] = (s.area, r["request"], r["problems"])
            finally:
                if server is not shared:
                    server.stop()
    finally:
        if shared:
            shared.stop()
    return results, skipped


def _settle(audit_file):
    """The file device follows its log: waits until the lines of earlier requests are in the file."""
    size, quiet = -1, 0
    while quiet < 5:
        now = os.path.getsize(audit_file) if os.path.exists(audit_file) else 0
        size, quiet = now, quiet + 1 if now == size else 0
        time.sleep(0.02)


def read_list(path):
    """Rows of the table in DIFFERENCES.md: {(scenario, step): (kind, text)}, and what is wrong with the table."""
    rows, mistakes = {}, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if not line.startswith("|") or cells[0] in ("scenario", "") or set(cells[0]) <= {"-", ":"}:
            continue
        where = f"{path.name}:{number}"
        if len(cells) != 4 or not cells[1].isdigit():
            mistakes.append(f"{where}: a row is | scenario | step | kind | reason |")
            continue
        key = cells[0].strip("`"), int(cells[1])
        if cells[2] not in KINDS:
            mistakes.append(f"{where}: the kind is one of {', '.join(sorted(KINDS))}")
        if len(cells[3]) < 15:
            mistakes.append(f"{where}: the reason is missing")
        if key in rows:
            mistakes.append(f"{where}: {key[0]} step {key[1]} stands twice")
        rows[key] = cells[2], cells[3]
    return rows, mistakes


def _conclude(results, skipped, listed, mistakes, verbose):
    passed, failed = 0, len(mistakes)
    for mistake in mistakes:
        print(mistake)
    for name, reason in skipped:
        print(f"FAIL {name} was not replayed: {reason}")
        failed += 1
    for (name, step), (_, request, problems) in results.items():
        row = listed.get((name, step))
        if problems and not row:
            failed += 1
            print(f"FAIL {name} step {step}: {request}")
            for problem in problems:
                print(f"       {problem}")
        elif row and not problems:
            failed += 1
            print(f"FAIL {name} step {step} is listed in {LIST.name} and no longer differs: remove the row")
        else:
            passed += 1
            if row and verbose:
                print(f"listed {name} step {step} ({row[0]}): {row[1]}")
                for problem in problems:
                    print(f"       {problem}")
    for name, step in listed:
        if (name, step) not in results:
            failed += 1
            print(f"FAIL {LIST.name} lists {name} step {step}, which is not replayed")
    print(f"{len({n for n, _ in results})} scenarios, {len(results)} steps compared, {len(listed)} listed differences")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def _print_areas(results, skipped):
    for name, reason in skipped:
        print(f"skipped {name}: {reason}")
    counts = Counter()
    for area, _, problems in results.values():
        counts[area, bool(problems)] += 1
    for area in sorted({a for a, _ in counts}):
        print(f"{area:20} {counts[area, False]:5} like OpenBao {counts[area, True]:5} different")
    return 0


if __name__ == "__main__":
    sys.exit(main())
