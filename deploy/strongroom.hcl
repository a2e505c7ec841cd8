# A production configuration with every choice that matters. Vault's stanzas work too; what they mean here is said in the log.
# Try it: strongroom server -config=/etc/strongroom/strongroom.hcl

storage "embedded" {
  path = "/var/lib/strongroom"
}

listener "tcp" {
  address       = "0.0.0.0:8200"
  tls_cert_file = "/etc/strongroom/tls/cert.pem" # read again on SIGHUP
  tls_key_file  = "/etc/strongroom/tls/key.pem"
  # tls_min_version = "tls13"

  # Behind a proxy, so that the audit log names the client; only these addresses are believed.
  # Whoever comes without the header is refused, unless x_forwarded_for_reject_not_present = false.
  # x_forwarded_for_authorized_addrs = ["10.0.0.0/8"]
}

# For Prometheus, on an address that only your network reaches: it needs no token, and no request of it is on record.
# listener "tcp" {
#   address     = "10.0.0.5:8210"
#   tls_disable = true
#   telemetry {
#     unauthenticated_metrics_access = true
#   }
# }

# For processes on this machine: no TLS, the file's permissions decide.
# listener "unix" {
#   address     = "/run/strongroom/api.sock"
#   socket_mode = "0660"
#   socket_group = "strongroom"
# }

log_level = "info"
# log_format = "json"

default_lease_ttl = "768h"
max_lease_ttl     = "768h"

# The built-in audit log is always on and needs no stanza. Put it on a disk of its own if you can.
# audit_log {
#   path      = "/var/log/strongroom"
#   retention = "8760h" # bodies older than this are deleted; their hashes stay. To keep them: strongroom audit archive
# }

# Beside it, Vault's format for tools that read it.
# Others can be enabled with sys/audit when these are set; docs/operations.md says why they are closed.
# unsafe_allow_api_audit_creation = true
# audit_device_directory = "/var/log/strongroom/devices"
#
# audit "file" "file" {
#   options {
#     file_path = "/var/log/strongroom/audit.log"
#   }
# }

# Unattended start: a 32-byte key in a file that only this service can read, instead of key shares. Whoever has the file and
# the store has the secrets. Make it: head -c 32 /dev/urandom > /etc/strongroom/unseal.key
# seal "static" {
#   current_key_id = "2026-01"
#   current_key    = "file:///etc/strongroom/unseal.key"
# }
