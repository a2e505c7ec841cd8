-- Fills the store with BENCH_FILL secrets of 400 bytes, each name once: BENCH_BIG of them in the directory "big", the others
-- by the thousand in "fill/d<n>". Prints FILLED or FAILED; the caller then interrupts wrk. One wrk thread only.
local total = tonumber(os.getenv("BENCH_FILL"))
local big = tonumber(os.getenv("BENCH_BIG"))
local headers = {["X-Vault-Token"] = os.getenv("BENCH_TOKEN")}
local value = string.rep("f", 380)
local sent, stored, refused, said = 0, 0, 0, false
local idle

function init()
  -- What a connection sends once every name is sent: refused with 403, so its answer is told from a write's.
  idle = wrk.format("GET", "/v1/secret/data/none")
end

local asked = false

function request()
  if not asked then
    asked = true -- wrk asks once to look at the form of a request, and does not send it
    return idle
  end
  if sent >= total then return idle end
  local n = sent
  sent = sent + 1
  local name
  if n < big then
    name = string.format("big/n%07d", n)
  else
    name = string.format("fill/d%04d/n%07d", math.floor((n - big) / 1000), n)
  end
  return wrk.format("POST", "/v1/secret/data/" .. name, headers, '{"data":{"password":"' .. n .. value .. '"}}')
end

local function say(text)
  if not said then
    said = true
    io.write(text .. "\n")
    io.flush()
  end
end

function response(status)
  if status == 200 then
    stored = stored + 1
    if stored == total then say("FILLED") end
  else
    refused = refused + 1
    if status ~= 403 or refused > 20000 then say("FAILED status " .. status .. " after " .. stored .. " secrets") end
  end
end
