// The main job with node-vault, unchanged against either server, from init on. Prints one line for each thing it saw: a name,
// a tab, JSON. VAULT_ADDR says where the server is; it must not be initialised.
"use strict";
const nodeVault = require("node-vault");

// One client does not know of another.
const connect = (options = {}) => nodeVault({ endpoint: process.env.VAULT_ADDR, requestOptions: {}, ...options });

let afterwards = () => {};
async function see(name, call, show = (v) => v) {
  try {
    const value = await call();
    console.log(`${name}\t${JSON.stringify(show(value) ?? null)}`);
    return value;
  } catch (refused) {
    const status = refused.response ? refused.response.statusCode : String(refused.message).slice(0, 60);
    console.log(`${name}\t${JSON.stringify({ refused: status })}`);
    return undefined;
  } finally {
    afterwards();
  }
}
const auth = (r) => ({ policies: r.auth.policies, renewable: r.auth.renewable, seconds: r.auth.lease_duration, orphan: r.auth.orphan, type: r.auth.token_type });

async function main() {
  const vault = connect();
  await see("status before init", () => vault.initialized());
  const init = await vault.init({ secret_shares: 3, secret_threshold: 2 });
  console.log(`init\t${JSON.stringify({ keys: init.keys.length, base64: init.keys_base64.length })}`);
  const root = init.root_token;
  vault.token = root;
  // The client makes a token that it was given its own; here it stays root.
  afterwards = () => (vault.token = root);
  await see("read while sealed", () => vault.read("sys/mounts"));
  await see("unseal 1", () => vault.unseal({ key: init.keys[0] }), (s) => ({ sealed: s.sealed, progress: s.progress }));
  await see("unseal 2", () => vault.unseal({ key: init.keys[1] }), (s) => ({ sealed: s.sealed, progress: s.progress }));
  for (let n = 0; n < 200; n++) {
    const health = await vault.health({}).catch(() => ({}));
    if (health.sealed === false && health.standby === false) break;
  }
  await see("mount", () => vault.mount({ mount_point: "n1", type: "kv" }));
  await see("mount again", () => vault.mount({ mount_point: "n1", type: "kv" }));
  await see("write", () => vault.write("n1/a", { k: "v", n: 7, list: [1, "ü", null] }));
  await see("read", () => vault.read("n1/a"), (r) => r.data);
  await see("list", () => vault.list("n1"), (r) => r.data);
  await see("read none", () => vault.read("n1/none"));
  await see("list none", () => vault.list("n1/none"));
  await see("delete", () => vault.delete("n1/a"));
  await see("read deleted", () => vault.read("n1/a"));
  await see("mount 2", () => vault.mount({ mount_point: "n2", type: "kv", options: { version: "2" } }));
  for (let n = 0; n < 100; n++) if (await vault.write("n2/data/a", { data: { k: "v", keep: 1 } }).catch(() => null)) break;
  await see("patch", () => vault.update("n2/data/a", { data: { k: null, more: { x: true } } }), (r) => r.data.version > 1);
  await see("read 2", () => vault.read("n2/data/a"), (r) => r.data.data);
  await see("destroy", () => vault.destroySecretVersions({ mount_point: "n2", path: "a", versions: [1] }));
  await see("read version 1", () => vault.read("n2/data/a?version=1"), (r) => r.data);
  await see("metadata", () => vault.read("n2/metadata/a"), (r) => r.data.versions["1"].destroyed);
  await see("add policy", () => vault.addPolicy({ name: "node", rules: 'path "n2/data/*" { capabilities = ["read"] }' }));
  await see("policies", () => vault.policies(), (r) => r.policies.sort());
  await see("get policy", () => vault.getPolicy({ name: "node" }), (r) => r.rules ?? r.data.rules);
  await see("auths", () => vault.auths(), (r) => Object.keys(r.data ?? r).sort());
  await see("audits", () => vault.audits(), (r) => Object.keys(r.data).length);

  const made = await see("token", () => vault.tokenCreate({ policies: ["node"], ttl: "1h", meta: { team: "a" } }), auth);
  const theirs = connect({ token: made.auth.client_token });
  await see("theirs reads", () => theirs.read("n2/data/a"), (r) => r.data.data);
  await see("theirs is refused", () => theirs.write("n2/data/a", { data: {} }));
  await see("look up self", () => theirs.tokenLookupSelf(), (r) => ({ meta: r.data.meta, policies: r.data.policies, path: r.data.path }));
  await see("renew self", () => theirs.tokenRenewSelf({ increment: "2h" }), auth);
  await see("look up", () => vault.tokenLookup({ token: made.auth.client_token }), (r) => r.data.display_name);
  await see("look up accessor", () => vault.tokenLookupAccessor({ accessor: made.auth.accessor }), (r) => [r.data.id, r.data.type]);
  await see("accessors", () => vault.tokenAccessors(), (r) => r.data.keys.includes(made.auth.accessor));
  await see("orphan", () => vault.tokenCreateOrphan({ policies: ["node"] }), auth);
  await see("role", () => vault.addTokenRole({ role_name: "app", allowed_policies: "node", period: 3600, orphan: true }));
  await see("roles", () => vault.tokenRoles(), (r) => r.data.keys);
  await see("get role", () => vault.getTokenRole({ role_name: "app" }), (r) => ({ name: r.data.name, orphan: r.data.orphan, allowed: r.data.allowed_policies }));
  await see("token of role", () => vault.tokenCreateRole({ role_name: "app", policies: ["node"] }), auth);
  await see("token of role, other policy", () => vault.tokenCreateRole({ role_name: "app", policies: ["default2"] }));
  await see("remove role", () => vault.removeTokenRole({ role_name: "app" }));
  await see("batch", () => vault.tokenCreate({ policies: ["node"], type: "batch", ttl: "10m" }), auth);

  const wrapped = await see("wrap", () => vault.tokenCreate({ policies: ["node"], wrap_ttl: "1h" }), (r) => Object.keys(r).includes("auth"));
  if (wrapped) {
    const sealed = await vault.request({ method: "POST", path: "/sys/wrapping/wrap", json: { inside: "x" }, headers: { "X-Vault-Wrap-TTL": "60" } }).catch(() => null);
    if (sealed) {
      await see("unwrap", () => vault.unwrap({ token: sealed.wrap_info.token }), (r) => r.data);
      await see("unwrap twice", () => vault.unwrap({ token: sealed.wrap_info.token }));
    }
  }
  await see("cubbyhole write", () => theirs.write("cubbyhole/x", { mine: 1 }));
  await see("cubbyhole read", () => theirs.read("cubbyhole/x"), (r) => r.data);
  await see("cubbyhole of root", () => vault.read("cubbyhole/x"));
  await see("revoke accessor", () => vault.tokenRevokeAccessor({ accessor: made.auth.accessor }));
  await see("revoked", () => theirs.tokenLookupSelf());

  await see("remount", () => vault.remount({ from: "n1", to: "n3" }), (r) => Object.keys(r.data));
  await see("unmount", () => vault.unmount({ mount_point: "n2" }));
  await see("rotate", () => vault.rotate());
  await see("leader", () => vault.leader(), (r) => typeof r.ha_enabled);
  await see("seal", () => vault.seal());
  await see("sealed", () => vault.status(), shownStatus);
}
const shownStatus = (s) => ({ sealed: s.sealed, t: s.t, n: s.n, progress: s.progress, initialized: s.initialized });
main().catch((broken) => {
  console.log(`stopped\t${JSON.stringify(String(broken.message))}`);
  process.exit(1);
});
