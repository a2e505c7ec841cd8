#!/usr/bin/env python3
"""The main job with hvac, unchanged against either server: init, unseal, policies, tokens, secrets with all that KV version 2 can do.

  main_job.py --server strongroom     asserts what the job must see
  main_job.py --server openbao        the same assertions against the oracle
  main_job.py                         both, and their visible results must be equal
"""
import argparse
import base64
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))
sys.path.insert(0, str(HERE))

import hvac  # noqa: E402
from hvac import exceptions  # noqa: E402
from servers import Server  # noqa: E402
from transcript import Transcript, differences  # noqa: E402

POLICY = """
path "secret/data/app/*"     { capabilities = ["create", "read", "update", "patch", "delete"] }
path "secret/metadata/app/*" { capabilities = ["read", "list"] }
path "secret/metadata/"      { capabilities = ["list"] }
path "secret/data/app/locked" { capabilities = ["deny"] }
"""


class Job:
    def __init__(self, server):
        self.server, self.seen = server, Transcript()
        self.client = hvac.Client(url=server.address)

    def see(self, step, call):
        """Runs a call, notes what came back or was raised, and returns it."""
        try:
            value = call()
        except exceptions.VaultError as refused:
            # The text of a refusal is for people; its class follows from the status.
            self.seen.note(step, {"raised": type(refused).__name__})
            return refused
        if hasattr(value, "status_code"):
            self.seen.note(step, {"status": value.status_code})
        else:
            self.seen.note(step, _shown(value))
        return value

    def expect(self, step, call, wanted):
        got = self.see(step, call)
        if isinstance(wanted, type):
            self.seen.check(step, isinstance(got, wanted), f"wanted {wanted.__name__}, got {got!r}")
        else:
            self.seen.check(step, got == wanted, f"wanted {wanted!r}, got {got!r}")
        return got

    # --- The parts ---
    def operator(self):
        sys_api = self.client.sys
        self.expect("not initialised", sys_api.is_initialized, False)
        answer = sys_api.initialize(secret_shares=5, secret_threshold=3)
        self.seen.check("five keys", len(answer["keys"]) == 5 and len(answer["keys_base64"]) == 5, "not five keys")
        self.expect("initialised", sys_api.is_initialized, True)
        self.expect("sealed after init", sys_api.is_sealed, True)
        self.expect("init twice", lambda: sys_api.initialize(1, 1), exceptions.InvalidRequest)
        self.expect("read while sealed", lambda: hvac.Client(url=self.server.address, token="x").read("secret/data/a"), exceptions.VaultDown)
        keys = answer["keys"]
        for n in range(2):
            status = sys_api.submit_unseal_key(keys[n])
            self.seen.note(f"share {n + 1}", {k: status[k] for k in ("sealed", "t", "n", "progress")})
        self.seen.check("still sealed", sys_api.is_sealed(), "unsealed with two of three shares")
        sys_api.submit_unseal_key(reset=True)
        self.expect("progress after reset", lambda: sys_api.read_seal_status()["progress"], 0)
        sys_api.submit_unseal_keys(keys[2:])
        self.client.token = answer["root_token"]
        self.server.token = answer["root_token"]
        self.server.wait_active()
        self.expect("unsealed", sys_api.is_sealed, False)
        self.keys = keys
        self.expect("authenticated", self.client.is_authenticated, True)
        self.expect("health", lambda: sys_api.read_health_status(method="GET")["sealed"], False)

    def seal_again(self):
        self.see("seal", self.client.sys.seal)
        self.expect("sealed", self.client.sys.is_sealed, True)
        self.client.sys.submit_unseal_keys(self.keys[:3])
        self.server.wait_active()
        got = self.client.secrets.kv.v2.read_secret_version("app/db", raise_on_deleted_version=True)
        self.seen.note("read after seal and unseal", got["data"]["data"])

    def mounts(self):
        api = self.client.sys
        self.see("enable kv v2", lambda: api.enable_secrets_engine("kv", "secret", options={"version": "2"}))
        self.see("enable kv v1", lambda: api.enable_secrets_engine("kv", "old", description="version 1", options={"version": "1"}))
        self.expect("enable twice", lambda: api.enable_secrets_engine("kv", "old"), exceptions.InvalidRequest)
        self.expect("unknown type", lambda: api.enable_secrets_engine("no-such-engine", "x"), exceptions.InvalidRequest)
        self.see("tune", lambda: api.tune_mount_configuration("old", default_lease_ttl="1h", max_lease_ttl="2h", description="tuned"))
        self.see("read tune", lambda: api.read_mount_configuration("old")["data"])
        listed = api.list_mounted_secrets_engines()["data"]
        for mount in ("secret/", "old/", "sys/"):
            self.seen.check(f"listed {mount}", mount in listed, f"{mount} is not in sys/mounts")
        self.seen.note("old/", {k: listed["old/"][k] for k in ("type", "description", "options", "local", "seal_wrap")})
        self.expect("remove unknown mount", lambda: api.disable_secrets_engine("nowhere").status_code, 204)

    def kv2(self):
        kv = self.client.secrets.kv.v2
        self.wait_for_upgrade(kv)
        self.see("put", lambda: kv.create_or_update_secret("app/db", {"user": "app", "password": "one", "port": 5432, "on": True, "none": None}))
        self.expect("read", lambda: kv.read_secret_version("app/db", raise_on_deleted_version=True)["data"]["data"],
                    {"user": "app", "password": "one", "port": 5432, "on": True, "none": None})
        self.see("put 2", lambda: kv.create_or_update_secret("app/db", {"user": "app", "password": "two"}))
        self.expect("cas 0 on existing", lambda: kv.create_or_update_secret("app/db", {"x": 1}, cas=0), exceptions.InvalidRequest)
        self.see("cas 2", lambda: kv.create_or_update_secret("app/db", {"user": "app", "password": "three"}, cas=2))
        self.expect("cas stale", lambda: kv.create_or_update_secret("app/db", {"x": 1}, cas=2), exceptions.InvalidRequest)
        self.see("patch", lambda: kv.patch("app/db", {"password": "four", "user": None, "nested": {"a": [1, "ü", {}]}}))
        # hvac patches by reading and writing back under check-and-set, so a None stays; the server's own PATCH removes it.
        self.expect("read patched", lambda: kv.read_secret_version("app/db", raise_on_deleted_version=True)["data"]["data"],
                    {"user": None, "password": "four", "nested": {"a": [1, "ü", {}]}})
        merge = {"Content-Type": "application/merge-patch+json"}
        self.see("put other", lambda: kv.create_or_update_secret("app/merge", {"a": 1, "b": {"c": 2, "d": 3}}))
        self.see("merge patch", lambda: self.client.adapter.request("patch", "/v1/secret/data/app/merge", headers=merge,
                                                                    json={"data": {"a": None, "b": {"c": 9}}}))
        self.expect("read merged", lambda: kv.read_secret_version("app/merge", raise_on_deleted_version=True)["data"]["data"], {"b": {"c": 9, "d": 3}})
        self.see("delete merged", lambda: kv.delete_metadata_and_all_versions("app/merge"))
        self.expect("read version 1", lambda: kv.read_secret_version("app/db", 1, raise_on_deleted_version=True)["data"]["data"]["password"], "one")
        self.expect("read version 99", lambda: kv.read_secret_version("app/db", 99, raise_on_deleted_version=True), exceptions.InvalidPath)
        self.expect("patch nothing", lambda: kv.patch("app/none", {"a": 1}), exceptions.InvalidPath)
        self.see("delete latest", lambda: kv.delete_latest_version_of_secret("app/db"))
        self.expect("read deleted", lambda: kv.read_secret_version("app/db", raise_on_deleted_version=True), exceptions.InvalidPath)
        self.see("read deleted, metadata", lambda: kv.read_secret_version("app/db", raise_on_deleted_version=False)["data"])
        self.see("undelete", lambda: kv.undelete_secret_versions("app/db", [4]))
        self.see("read undeleted", lambda: kv.read_secret_version("app/db", raise_on_deleted_version=True)["data"])
        self.see("delete versions", lambda: kv.delete_secret_versions("app/db", [1, 2]))
        self.see("destroy", lambda: kv.destroy_secret_versions("app/db", [2, 3]))
        self.expect("undelete destroyed", lambda: kv.undelete_secret_versions("app/db", [3]).status_code, 204)
        self.expect("read destroyed", lambda: kv.read_secret_version("app/db", 3, raise_on_deleted_version=True), exceptions.InvalidPath)
        self.see("metadata", lambda: kv.read_secret_metadata("app/db")["data"])
        self.see("metadata update", lambda: kv.update_metadata("app/db", max_versions=2, cas_required=True, delete_version_after="1h",
                                                               custom_metadata={"owner": "team a"}))
        self.see("metadata after update", lambda: kv.read_secret_metadata("app/db")["data"])
        self.expect("cas required", lambda: kv.create_or_update_secret("app/db", {"x": 1}), exceptions.InvalidRequest)
        self.see("put with cas", lambda: kv.create_or_update_secret("app/db", {"user": "app", "password": "five"}, cas=4))
        self.see("max_versions trims", lambda: sorted(kv.read_secret_metadata("app/db")["data"]["versions"]))
        for name in ("app/zebra", "app/alpha", "app/sub/one", "top"):
            kv.create_or_update_secret(name, {"n": name})
        self.expect("list app", lambda: kv.list_secrets("app")["data"]["keys"], ["alpha", "db", "sub/", "zebra"])
        self.expect("list root", lambda: kv.list_secrets("")["data"]["keys"], ["app/", "top"])
        self.expect("list nothing", lambda: kv.list_secrets("nowhere"), exceptions.InvalidPath)
        self.see("subkeys", lambda: self.client.adapter.get("/v1/secret/subkeys/app/db")["data"]["subkeys"])
        self.see("configure", lambda: kv.configure(max_versions=7, cas_required=False, delete_version_after="30m"))
        self.see("configuration", lambda: kv.read_configuration()["data"])
        self.see("delete all", lambda: kv.delete_metadata_and_all_versions("app/zebra"))
        self.expect("list after delete", lambda: kv.list_secrets("app")["data"]["keys"], ["alpha", "db", "sub/"])
        self.expect("data is not an object", lambda: self.client.adapter.post("/v1/secret/data/app/bad", json={"data": "text"}), exceptions.InvalidRequest)
        self.expect("no data at all", lambda: self.client.adapter.post("/v1/secret/data/app/bad", json={"x": 1}), exceptions.InvalidRequest)

    def wait_for_upgrade(self, kv):
        """A new version 2 mount of OpenBao upgrades itself for a moment."""
        for _ in range(100):
            try:
                kv.create_or_update_secret("top", {"n": "top"})
                return kv.delete_metadata_and_all_versions("top")
            except exceptions.InvalidRequest:
                time.sleep(0.05)

    def kv1(self):
        kv = self.client.secrets.kv.v1
        self.see("v1 write", lambda: kv.create_or_update_secret("a/b", {"k": "v", "n": 7}, mount_point="old"))
        self.expect("v1 read", lambda: kv.read_secret("a/b", mount_point="old")["data"], {"k": "v", "n": 7})
        self.expect("v1 list", lambda: kv.list_secrets("", mount_point="old")["data"]["keys"], ["a/"])
        self.see("v1 delete", lambda: kv.delete_secret("a/b", mount_point="old"))
        self.expect("v1 read deleted", lambda: kv.read_secret("a/b", mount_point="old"), exceptions.InvalidPath)
        self.see("v1 disable", lambda: self.client.sys.disable_secrets_engine("old"))
        self.expect("v1 gone", lambda: kv.read_secret("a/b", mount_point="old"), exceptions.InvalidPath)

    def policies(self):
        api = self.client.sys
        self.see("policy write", lambda: api.create_or_update_policy("app", POLICY))
        self.expect("policy read", lambda: api.read_policy("app")["data"]["rules"], POLICY)
        self.expect("policy list", lambda: sorted(api.list_policies()["data"]["policies"]), ["app", "default", "root"])
        self.expect("bad policy", lambda: api.create_or_update_policy("bad", 'path "x" { capabilities = ["fly"] }'), exceptions.InvalidRequest)
        self.expect("unknown policy", lambda: api.read_policy("none"), exceptions.InvalidPath)
        self.expect("root stays", lambda: api.delete_policy("root"), exceptions.InvalidRequest)

    def tokens(self):
        token = self.client.auth.token
        made = token.create(policies=["app"], ttl="1h", explicit_max_ttl="4h", display_name="job", meta={"team": "a"}, renewable=True)
        self.seen.note("token", made["auth"])
        app = hvac.Client(url=self.server.address, token=made["auth"]["client_token"])
        self.see("lookup self", lambda: app.auth.token.lookup_self()["data"])
        self.see("renew self", lambda: app.auth.token.renew_self(increment="2h")["auth"])
        self.expect("app reads", lambda: app.secrets.kv.v2.read_secret_version("app/alpha", raise_on_deleted_version=True)["data"]["data"], {"n": "app/alpha"})
        self.expect("app is refused outside", lambda: app.secrets.kv.v2.read_secret_version("top", raise_on_deleted_version=True), exceptions.Forbidden)
        self.expect("app is denied", lambda: app.secrets.kv.v2.read_secret_version("app/locked", raise_on_deleted_version=True), exceptions.Forbidden)
        self.expect("app is refused sys", lambda: app.sys.list_mounted_secrets_engines(), exceptions.Forbidden)
        self.expect("capabilities", lambda: app.sys.get_capabilities(["secret/data/app/x", "secret/data/other", "secret/data/app/locked"])["data"]["secret/data/app/x"],
                    ["create", "delete", "patch", "read", "update"])
        self.see("capabilities of accessor", lambda: self.client.sys.get_capabilities(["secret/metadata/app/x"], accessor=made["auth"]["accessor"])["data"])
        uses = token.create(policies=["app"], ttl="10m", num_uses=2, no_parent=True)
        limited = hvac.Client(url=self.server.address, token=uses["auth"]["client_token"])
        for n in range(2):
            self.see(f"use {n + 1} of 2", lambda: limited.secrets.kv.v2.read_secret_version("app/alpha", raise_on_deleted_version=True)["data"]["data"])
        self.expect("third use", lambda: limited.secrets.kv.v2.read_secret_version("app/alpha", raise_on_deleted_version=True), exceptions.Forbidden)
        parent = token.create(policies=["root"], ttl="1h")["auth"]
        family = hvac.Client(url=self.server.address, token=parent["client_token"])
        grandchild = family.auth.token.create(policies=["app"], ttl="30m")["auth"]
        self.see("lookup by accessor", lambda: token.lookup_accessor(grandchild["accessor"])["data"])
        self.see("revoke parent", lambda: token.revoke(parent["client_token"]))
        self.expect("child went with it", lambda: token.lookup(grandchild["client_token"]), exceptions.Forbidden)
        self.see("revoke by accessor", lambda: token.revoke_accessor(made["auth"]["accessor"]))
        self.expect("revoked is revoked", lambda: app.auth.token.lookup_self(), exceptions.Forbidden)
        self.expect("no token", lambda: hvac.Client(url=self.server.address).secrets.kv.v2.read_secret_version("app/alpha", raise_on_deleted_version=True),
                    exceptions.Forbidden)
        self.expect("unknown token", lambda: hvac.Client(url=self.server.address, token="hvs.none").auth.token.lookup_self(), exceptions.Forbidden)

    def ceremonies(self):
        """New shares, a new root token and new keys, with the shares of three of five."""
        api = self.client.sys
        started = ("started", "progress", "required")
        self.expect("no backup", api.read_backup_keys, exceptions.InvalidRequest)
        term = api.get_encryption_key_status()["data"]["term"]
        self.see("rotate", api.rotate_encryption_key)
        self.expect("a new term", lambda: api.get_encryption_key_status()["data"]["term"], term + 1)

        self.seen.note("no root generation", {k: api.read_root_generation_progress()[k] for k in started})
        cancelled = api.start_root_token_generation()
        self.expect("one at a time", api.start_root_token_generation, exceptions.InvalidRequest)
        self.see("cancel", api.cancel_root_generation)
        begun = api.start_root_token_generation()
        self.seen.check("a new nonce", begun["nonce"] != cancelled["nonce"], "the nonce of the cancelled attempt")
        self.expect("wrong nonce", lambda: api.generate_root(self.keys[0], cancelled["nonce"]), exceptions.InvalidRequest)
        for key in self.keys[:3]:
            answer = api.generate_root(key, begun["nonce"])
            self.seen.note("share for a root token", {k: answer[k] for k in ("progress", "complete")})
        token = _xor(answer["encoded_root_token"], begun["otp"])
        root = hvac.Client(url=self.server.address, token=token)
        self.expect("a root token", lambda: root.auth.token.lookup_self()["data"]["policies"], ["root"])
        self.see("revoke it", root.auth.token.revoke_self)

        self.seen.note("no rekey", {k: api.read_rekey_progress()[k] for k in started})
        api.start_rekey(secret_shares=2, secret_threshold=2)
        self.see("cancel rekey", api.cancel_rekey)
        begun = api.start_rekey(secret_shares=3, secret_threshold=2, require_verification=True)
        self.seen.note("rekey", {k: begun[k] for k in ("started", "t", "n", "required", "verification_required")})
        answer = api.rekey_multi(self.keys[2:], nonce=begun["nonce"])
        self.seen.check("three new shares", len(answer["keys"]) == 3, "not three")
        nonce = answer["verification_nonce"]
        verified = api.rekey_verify_multi(answer["keys"][:2], nonce=nonce)
        self.expect("verified", lambda: verified["complete"], True)
        self.keys = answer["keys"]
        self.expect("new threshold", lambda: (api.read_seal_status()["t"], api.read_seal_status()["n"]), (2, 3))

    def run(self):
        for part in (self.operator, self.mounts, self.kv2, self.kv1, self.policies, self.tokens, self.ceremonies, self.seal_again):
            try:
                part()
            except Exception as broken:  # a part that stops early is a failure; the others still tell something
                self.seen.check(part.__name__, False, f"stopped: {type(broken).__name__}: {broken}")
        return self.seen


def _shown(value):
    if isinstance(value, dict) and "request_id" in value:
        return {k: v for k, v in value.items() if k in ("data", "auth", "lease_duration", "renewable")}
    return value


def _xor(encoded, otp):
    raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    return "".join(chr(a ^ ord(b)) for a, b in zip(raw, otp))


# Rekeying and generating a root token without a token: closed by default in both.
OPEN = "disable_unauthed_rekey_endpoints = false\n  disable_unauthed_generate_root_endpoints = false"


def run(kind):
    with Server(kind, listener_extra=OPEN) as server:
        server.start()
        return Job(server).run()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=["strongroom", "openbao", "both"], default="both")
    parser.add_argument("--show", action="store_true", help="print what was seen")
    options = parser.parse_args()
    seen = {kind: run(kind) for kind in (["strongroom", "openbao"] if options.server == "both" else [options.server])}
    passed, failed = sum(s.passed for s in seen.values()), sum(len(s.failed) for s in seen.values())
    if options.show:
        print("\n".join(next(iter(seen.values())).lines))
    if len(seen) == 2:
        diff = differences(seen["strongroom"], seen["openbao"])
        print("\n".join(diff))
        passed, failed = passed + (not diff), failed + bool(diff)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
