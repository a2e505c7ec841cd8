-- Creates BENCH_FILL tokens under the caller's. Prints FILLED or FAILED; the caller then interrupts wrk. One wrk thread only.
local total = tonumber(os.getenv("BENCH_FILL"))
local headers = {["X-Vault-Token"] = os.getenv("BENCH_TOKEN")}
local body = '{"policies":["bench"],"ttl":"700h"}'
local sent, made, refused, said = 0, 0, 0, false
local idle

function init()
  -- What a connection sends once every token is asked for: refused with 403, so its answer is told from a creation's.
  idle = wrk.format("GET", "/v1/secret/data/none")
end

local asked = false

function request()
  if not asked then
    asked = true -- wrk asks once to look at the form of a request, and does not send it
    return idle
  end
  if sent >= total then return idle end
  sent = sent + 1
  return wrk.format("POST", "/v1/auth/token/create", headers, body)
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
    made = made + 1
    if made == total then say("FILLED") end
  else
    refused = refused + 1
    if status ~= 403 or refused > 20000 then say("FAILED status " .. status .. " after " .. made .. " tokens") end
  end
end
