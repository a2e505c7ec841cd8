-- One load for wrk, chosen by environment variables, so that a token never stands on a command line:
--   BENCH_LOAD   read write mixed lookup token
--   BENCH_TOKEN  the client's token      BENCH_NAMES  how many secrets the set has      BENCH_SEED
-- The summary is one line of JSON that starts with "BENCH".
local load = os.getenv("BENCH_LOAD")
local names = tonumber(os.getenv("BENCH_NAMES") or "1000")
local headers = {["X-Vault-Token"] = os.getenv("BENCH_TOKEN")}
local value = string.rep("v", 380)
local pick, written = 0, 0

math.randomseed(tonumber(os.getenv("BENCH_SEED") or "1"))

local function name()
  return "bench/s" .. math.random(0, names - 1)
end

-- Reads are prepared once: wrk should not be what is measured.
local reads = {}

local function read()
  local n = math.random(0, names - 1)
  local prepared = reads[n]
  if not prepared then
    prepared = wrk.format("GET", "/v1/secret/data/bench/s" .. n, headers)
    reads[n] = prepared
  end
  return prepared
end

local function write()
  written = written + 1
  return wrk.format("POST", "/v1/secret/data/" .. name(), headers,
    '{"data":{"password":"' .. written .. value .. '"}}')
end

local once
local function lookup()
  once = once or wrk.format("GET", "/v1/auth/token/lookup-self", headers)
  return once
end

local function token()
  once = once or wrk.format("POST", "/v1/auth/token/create", headers, '{"policies":["default"],"ttl":"1h"}')
  return once
end

local function mixed()
  pick = pick + 1
  if pick % 10 == 0 then return write() end
  return read()
end

request = ({read = read, write = write, mixed = mixed, lookup = lookup, token = token})[load]

function done(summary, latency)
  io.write(string.format(
    'BENCH {"requests":%d,"microseconds":%d,"p50":%.1f,"p99":%.1f,"mean":%.1f,"bad_status":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.mean,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
