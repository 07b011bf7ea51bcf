-- What wrk does in tests/bench/soak: asks for so many feeds, then stops asking, says "enough", and
-- tells what came back once it is interrupted, since it sleeps to the end of its time otherwise.
-- args: how many, the token.

local threads = {}

function setup(thread)
    table.insert(threads, thread)
end

function init(args)
    left = tonumber(args[1])
    wrk.headers["Authorization"] = "Bearer " .. args[2]
    wrk.headers["Accept-Encoding"] = "gzip"
    statuses, whole = "", 0
end

function response(status, headers)
    local _, ok = (headers["BFF-Sections"] or ""):gsub("s=ok", "")
    whole = whole + (ok == 6 and 1 or 0)
    statuses = status == 200 and statuses or statuses .. " " .. status
    left = left - 1
    if left == 0 then
        wrk.thread:stop()
        io.stderr:write("enough\n")
    end
end

-- Statuses other than 200 come one by one: there should be none.
function done(summary)
    local lost = summary.errors.connect + summary.errors.read + summary.errors.write
    local late = summary.errors.timeout
    for _, thread in ipairs(threads) do
        print(string.format("soak left=%d whole=%d lost=%d late=%d statuses=%s", thread:get("left"),
            thread:get("whole"), lost, late, thread:get("statuses"):gsub(" ", ",")))
    end
end
