#!/usr/bin/env python3
"""Tampers with copies of a real log and demands that `strongroom audit verify` finds it every time, with its place.

With the public key alone: a byte changed, a record removed, two records swapped, a leaf or a checkpoint changed. With a
checkpoint kept outside: the tail cut, an older copy put back. The untouched log must verify, with and without checkpoints.

  tamper.py [--rounds 15] [--seed N]
"""
import argparse
import os
import random
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

from servers import Server, strongroom_binary  # noqa: E402

HEADER = 32


class Log:
    """A copy of a log's directory; frames are found by docs/formats/audit.md alone."""

    def __init__(self, path):
        self.path = Path(path)
        self.segments = sorted(self.path.glob("segment-*.log"))

    def frames(self, segment):
        """(offset, stored bytes) of each record."""
        raw, at, found = segment.read_bytes(), HEADER, []
        while at + 8 <= len(raw):
            size = struct.unpack(">I", raw[at:at + 4])[0]
            if size == 0 or at + 8 + size > len(raw):
                break
            found.append((at, raw[at + 8:at + 8 + size]))
            at += 8 + size
        return found

    def write_frames(self, segment, stored):
        """Rewrites a segment with these records, each with a right crc: the work of someone who knows the format."""
        raw = segment.read_bytes()[:HEADER]
        number = int(re.search(r"(\d+)\.log", segment.name).group(1))
        for body in stored:
            size = struct.pack(">I", len(body))
            raw += size + struct.pack(">I", crc32c(struct.pack(">QQ", number, len(raw)) + size + body)) + body
        segment.write_bytes(raw)


_TABLE = []
for _n in range(256):
    _c = _n
    for _ in range(8):
        _c = _c >> 1 ^ (0x82F63B78 if _c & 1 else 0)
    _TABLE.append(_c)


def crc32c(raw):
    c = 0xFFFFFFFF
    for byte in raw:
        c = _TABLE[(c ^ byte) & 0xFF] ^ c >> 8
    return c ^ 0xFFFFFFFF


class Run:
    def __init__(self, options):
        self.options, self.rng = options, random.Random(options.seed)
        self.passed, self.failed = 0, []

    def expect(self, name, folder, status, *flags, place=None):
        done = subprocess.run([strongroom_binary(), "audit", "verify", f"-key={self.key}", *flags, str(folder)], capture_output=True, text=True, timeout=120)
        said = done.stdout + done.stderr
        right = done.returncode == status and (place is None or re.search(place, said))
        if right:
            self.passed += 1
        else:
            self.failed.append(name)
            print(f"FAIL {name}: exit {done.returncode}, wanted {status}{f' and a place like {place}' if place else ''}: {said[-600:]}")

    def make(self, server):
        """Several segments (each start begins one) with records of every kind; a checkpoint in the middle and one at the end."""
        server.ready()
        for part in range(4):
            for n in range(60):
                server.call("POST", f"secret/data/part{part}/n{n}", {"data": {"n": n}})
                server.request("GET", f"secret/data/part{part}/n{n - 1}")
            if part == 1:
                self.since = self.checkpoint(server, "since.txt")
            if part == 2:
                # A copy as a backup would take it.
                server.stop()
                shutil.copytree(server.directory + "/store/audit", server.directory + "/older")
                server.start().unseal()
            elif part < 3:
                server.stop()
                server.start().unseal()
        self.newest = self.checkpoint(server, "newest.txt")
        self.key = Path(server.directory, "store/audit/key.pub").read_text().strip()
        server.stop()
        return server.directory + "/store/audit"

    def checkpoint(self, server, name):
        environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "VAULT_ADDR": server.address, "VAULT_TOKEN": server.token}
        done = subprocess.run([strongroom_binary(), "audit", "show", "-field=checkpoint"], capture_output=True, text=True, env=environment, timeout=60)
        if done.returncode != 0:
            raise SystemExit(f"audit show -field=checkpoint: {done.stderr}")
        path = server.directory + "/" + name
        Path(path).write_text(done.stdout)
        return path

    def tampered(self, source):
        path = Path(self.work, "copy")
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(source, path, ignore=shutil.ignore_patterns("next.log"))
        return Log(path)

    def go(self, server):
        self.work = server.directory
        source = self.make(server)
        for name, flags in (("untouched", []), ("untouched, since", [f"-since={self.since}"]), ("untouched, checkpoint", [f"-checkpoint={self.newest}"])):
            self.expect(name, source, 0, *flags)
        self.expect("the older copy by itself", server.directory + "/older", 0)
        self.expect("the older copy put back", server.directory + "/older", 2, f"-checkpoint={self.newest}")
        self.expect("the older copy put back, since", server.directory + "/older", 0, f"-since={self.since}")
        for n in range(self.options.rounds):
            self.one_round(source, n)

    def one_round(self, source, n):
        # A byte changed, plain and with the crc mended.
        log = self.tampered(source)
        segment = self.rng.choice([s for s in log.segments if len(log.frames(s)) > 2])
        number = int(re.search("[0-9]+", segment.name).group(0))
        place = rf"segment {number}\b"
        frames = log.frames(segment)
        offset, stored = self.rng.choice(frames)
        raw = bytearray(segment.read_bytes())
        raw[offset + self.rng.randrange(8 + len(stored))] ^= 1 << self.rng.randrange(8)
        segment.write_bytes(raw)
        self.expect(f"round {n}: a byte changed at a record of {segment.name}", log.path, 2, place=place)

        log = self.tampered(source)
        segment = log.path / segment.name
        bodies = [bytearray(s) for _, s in frames]
        victim = self.rng.randrange(len(bodies))
        bodies[victim][self.rng.randrange(len(bodies[victim]))] ^= 1 << self.rng.randrange(8)
        log.write_frames(segment, bodies)
        self.expect(f"round {n}: record {victim} of {segment.name} changed, crc mended", log.path, 2, place=place)

        # A record removed; two swapped.
        log = self.tampered(source)
        segment = log.path / segment.name
        bodies = [s for _, s in frames]
        del bodies[self.rng.randrange(len(bodies))]
        log.write_frames(segment, bodies)
        self.expect(f"round {n}: a record of {segment.name} removed", log.path, 2, place=place)

        log = self.tampered(source)
        segment = log.path / segment.name
        bodies = [s for _, s in frames]
        a, b = self.rng.sample(range(len(bodies)), 2)
        bodies[a], bodies[b] = bodies[b], bodies[a]
        log.write_frames(segment, bodies)
        self.expect(f"round {n}: records {a} and {b} of {segment.name} swapped", log.path, 2, place=place)

        # The same with the leaf hashes mended: only the signed root is left to tell.
        log = self.tampered(source)
        segment = log.path / segment.name
        leaves = segment.with_suffix(".leaves")
        bodies = [s for _, s in frames]
        bodies[a], bodies[b] = bodies[b], bodies[a]
        log.write_frames(segment, bodies)
        raw = bytearray(leaves.read_bytes())
        at, bt = HEADER + 32 * a, HEADER + 32 * b
        raw[at:at + 32], raw[bt:bt + 32] = raw[bt:bt + 32], raw[at:at + 32]
        leaves.write_bytes(raw)
        self.expect(f"round {n}: records {a} and {b} of {segment.name} and their leaves swapped", log.path, 2)

        # A whole segment taken away; the last one is a cut tail, which only an outside checkpoint can tell.
        log = self.tampered(source)
        for path in log.path.glob(segment.stem + ".*"):
            path.unlink()
        outside = [f"-checkpoint={self.newest}"] if segment.name == log.segments[-1].name else []
        self.expect(f"round {n}: {segment.name} removed", log.path, 2, *outside)

        # Only the body taken away, as an archive would, but no archive did.
        log = self.tampered(source)
        log.segments[0].unlink()
        self.expect(f"round {n}: the body of {segment.name} removed", log.path, 2, place=r"missing" if len(log.segments) > 1 else None)

        # The tail cut at a record, with the checkpoints behind it: only an outside checkpoint can tell.
        log = self.tampered(source)
        last = log.segments[-1]
        frames = log.frames(last)
        keep = self.rng.randrange(len(frames))
        last.write_bytes(last.read_bytes()[:frames[keep][0]])
        self.expect(f"round {n}: the tail cut before record {keep} of the last segment", log.path, 2, f"-checkpoint={self.newest}")
        for kind in ("", ".leaves", ".checkpoints"):
            path = last.with_suffix(kind or ".log")
            path.unlink(missing_ok=True)
        self.expect(f"round {n}: the last segment cut off", log.path, 2, f"-checkpoint={self.newest}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=400 if os.environ.get("SR_LONG") else 15)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    run = Run(options)
    with Server("strongroom") as server:
        run.go(server)
    print(f"{run.passed} passed, {len(run.failed)} failed")
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main())
