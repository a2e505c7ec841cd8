// The main job with OpenBao's own Go client, unchanged against either server. Prints one line for each thing it saw:
// a name, a tab, JSON. The address and the CA come from the client's usual environment variables, the token on stdin.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/openbao/openbao/api/v2"
)

func see(name string, value any, err error) {
	if err != nil {
		var refused *api.ResponseError
		if errors.As(err, &refused) {
			value = map[string]any{"status": refused.StatusCode, "errors": len(refused.Errors)}
		} else if errors.Is(err, api.ErrSecretNotFound) {
			value = map[string]any{"raised": "secret not found"}
		} else {
			value = map[string]any{"raised": "other: " + err.Error()}
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte(`"not JSON"`)
	}
	fmt.Printf("%s\t%s\n", name, text)
}

func data(s *api.Secret) any {
	if s == nil {
		return nil
	}
	return s.Data
}

func main() {
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	client, err := api.NewClient(api.DefaultConfig())
	if err != nil {
		fmt.Println("client\t", err)
		os.Exit(1)
	}
	client.SetToken(strings.TrimSpace(line))
	ctx := context.Background()
	sys := client.Sys()

	health, err := sys.Health()
	see("health", map[string]any{"initialized": health.Initialized, "sealed": health.Sealed, "standby": health.Standby}, err)
	status, err := sys.SealStatus()
	see("seal status", map[string]any{"t": status.T, "n": status.N, "sealed": status.Sealed, "type": status.Type}, err)
	see("mount kv2", nil, sys.Mount("go2", &api.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}))
	see("mount kv1", nil, sys.Mount("go1", &api.MountInput{Type: "kv", Description: "one"}))
	mounts, err := sys.ListMounts()
	names := []string{}
	for name := range mounts {
		if strings.HasPrefix(name, "go") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	see("mounts", names, err)
	see("tune", nil, sys.TuneMount("go1", api.MountConfigInput{DefaultLeaseTTL: "1h", MaxLeaseTTL: "2h"}))
	config, err := sys.MountConfig("go1")
	see("tuned", map[string]any{"default": config.DefaultLeaseTTL, "max": config.MaxLeaseTTL}, err)

	two := client.KVv2("go2")
	var put *api.KVSecret
	for range 100 { // a new mount of version 2 upgrades itself for a moment in OpenBao
		if put, err = two.Put(ctx, "app/db", map[string]any{"user": "app", "password": "one", "port": 5432}); err == nil {
			break
		}
	}
	if err == nil {
		see("kv2 put", put.VersionMetadata.Version, nil)
	} else {
		see("kv2 put", nil, err)
	}
	got, err := two.Get(ctx, "app/db")
	if err == nil {
		see("kv2 get", got.Data, nil)
	} else {
		see("kv2 get", nil, err)
	}
	_, err = two.Put(ctx, "app/db", map[string]any{"x": 1}, api.WithCheckAndSet(0))
	see("kv2 cas 0", nil, err)
	patched, err := two.Patch(ctx, "app/db", map[string]any{"password": "two", "user": nil})
	if err == nil {
		see("kv2 patch", patched.VersionMetadata.Version, nil)
	} else {
		see("kv2 patch", nil, err)
	}
	got, err = two.GetVersion(ctx, "app/db", 2)
	if err == nil {
		see("kv2 version 2", got.Data, nil)
	} else {
		see("kv2 version 2", nil, err)
	}
	see("kv2 delete", nil, two.Delete(ctx, "app/db"))
	_, err = two.Get(ctx, "app/db")
	see("kv2 deleted", nil, err)
	see("kv2 undelete", nil, two.Undelete(ctx, "app/db", []int{2}))
	_, err = two.Get(ctx, "app/none")
	see("kv2 none", nil, err)
	see("kv2 metadata", nil, two.PutMetadata(ctx, "app/db", api.KVMetadataPutInput{MaxVersions: 3, CustomMetadata: map[string]any{"owner": "a"}}))
	meta, err := two.GetMetadata(ctx, "app/db")
	if err == nil {
		see("kv2 read metadata", map[string]any{"max": meta.MaxVersions, "custom": meta.CustomMetadata, "versions": len(meta.Versions)}, nil)
	} else {
		see("kv2 read metadata", nil, err)
	}
	listed, err := client.Logical().List("go2/metadata/app")
	see("kv2 list", data(listed), err)
	listed, err = client.Logical().List("go2/metadata/none")
	see("kv2 list none", data(listed), err)
	listed, err = client.Logical().Scan("go2/metadata/")
	see("kv2 scan", data(listed), err)

	one := client.KVv1("go1")
	see("kv1 put", nil, one.Put(ctx, "a", map[string]any{"k": "v"}))
	plain, err := one.Get(ctx, "a")
	if err == nil {
		see("kv1 get", plain.Data, nil)
	} else {
		see("kv1 get", nil, err)
	}
	see("kv1 delete", nil, one.Delete(ctx, "a"))

	see("policy", nil, sys.PutPolicy("go", `path "go2/data/app/*" { capabilities = ["read", "create", "update"] }`))
	policies, err := sys.ListPolicies()
	sort.Strings(policies)
	see("policies", policies, err)
	capabilities, err := sys.CapabilitiesSelf("go2/data/app/db")
	see("capabilities", capabilities, err)

	yes := true
	made, err := client.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{"go"}, TTL: "1h", Renewable: &yes, DisplayName: "job"})
	see("token", nil, err)
	if err == nil {
		see("token auth", map[string]any{"policies": made.Auth.Policies, "renewable": made.Auth.Renewable, "seconds": made.Auth.LeaseDuration}, nil)
		theirs, _ := client.Clone()
		theirs.SetToken(made.Auth.ClientToken)
		_, err = theirs.KVv2("go2").Get(ctx, "app/db")
		see("theirs reads", err == nil, err)
		_, err = theirs.KVv2("go2").Get(ctx, "other")
		see("theirs is refused", nil, err)
		self, err := theirs.Auth().Token().LookupSelf()
		if err == nil {
			see("theirs looks up", map[string]any{"policies": self.Data["policies"], "orphan": self.Data["orphan"], "type": self.Data["type"]}, nil)
		}
		renewed, err := theirs.Auth().Token().RenewSelf(7200)
		if err == nil {
			see("theirs renews", renewed.Auth.LeaseDuration, nil)
		}
		wrapper, _ := client.Clone()
		wrapper.SetToken(client.Token())
		wrapper.SetWrappingLookupFunc(func(string, string) string { return "2m" })
		wrapped, err := wrapper.Logical().Read("go2/data/app/db")
		if err == nil {
			see("wrapped", map[string]any{"ttl": wrapped.WrapInfo.TTL, "path": wrapped.WrapInfo.CreationPath}, nil)
			inside, err := client.Logical().Unwrap(wrapped.WrapInfo.Token)
			see("unwrapped", inside != nil && inside.Data["data"] != nil, err)
			_, err = client.Logical().Unwrap(wrapped.WrapInfo.Token)
			see("unwrapped twice", nil, err)
		} else {
			see("wrapped", nil, err)
		}
		see("revoke", nil, client.Auth().Token().RevokeTree(made.Auth.ClientToken))
		_, err = theirs.Auth().Token().LookupSelf()
		see("revoked", nil, err)
	}
	batch, err := client.Auth().Token().Create(&api.TokenCreateRequest{Policies: []string{"go"}, Type: "batch", TTL: "10m"})
	if err == nil {
		see("batch", map[string]any{"type": batch.Auth.Accessor == "", "renewable": batch.Auth.Renewable}, nil)
	} else {
		see("batch", nil, err)
	}

	hash, err := sys.AuditHash("file", "x")
	see("audit hash", strings.HasPrefix(hash, "hmac-sha256:"), err)
	devices, err := sys.ListAudit()
	see("audit devices", len(devices), err)
	key, err := sys.KeyStatus()
	if err == nil {
		see("key status", key.Term, nil)
	} else {
		see("key status", nil, err)
	}
	see("rotate", nil, sys.Rotate())
	key, err = sys.KeyStatus()
	if err == nil {
		see("rotated", key.Term, nil)
	}
	catalog, err := sys.ListPlugins(&api.ListPluginsInput{Type: 2})
	see("plugins", catalog != nil, err)
	leader, err := sys.Leader()
	see("leader", leader != nil, err)

	migration, err := sys.StartRemount("go1", "go3")
	if err == nil {
		for range 200 {
			state, err := sys.RemountStatus(migration.MigrationID)
			if err != nil || state.MigrationInfo.MigrationStatus != "in-progress" {
				see("remount", state.MigrationInfo.MigrationStatus, err)
				break
			}
		}
	} else {
		see("remount", nil, err)
	}
	see("unmount", nil, sys.Unmount("go3"))
	see("unmount two", nil, sys.Unmount("go2"))
}
